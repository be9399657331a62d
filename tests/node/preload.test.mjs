// Whether `src/run/preload.cjs` brings each client through the proxy, on the Node that runs
// this. Usage: NODE_PATH=… node preload.test.mjs [path of the Node to test]
//
// A CONNECT proxy and an HTTP/1.1 + HTTP/2 server on loopback stand in for the world; every
// name leads to the server, so a client that goes past the proxy finds nothing.
import { spawn, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const preload = path.join(here, '../../src/run/preload.cjs');
const node = process.argv[2] || process.execPath;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'overhear-preload-'));
const at = (name) => path.join(folder, name);

execFileSync('openssl', [
  'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes',
  '-days', '2', '-subj', '/CN=preload test', '-keyout', at('key.pem'), '-out', at('cert.pem'),
  '-addext', 'subjectAltName=DNS:*.example.com,DNS:api.openai.com,DNS:api.anthropic.com,' +
    'DNS:bedrock-runtime.eu-central-1.amazonaws.com',
], { stdio: 'ignore' });

const server = http2.createSecureServer({
  key: fs.readFileSync(at('key.pem')),
  cert: fs.readFileSync(at('cert.pem')),
  allowHTTP1: true,
});
server.on('request', (request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const length = Buffer.concat(chunks).length;
    if (request.url.includes('/stream')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      let left = 3;
      const timer = setInterval(() => {
        response.write(`data: ${left}\n\n`);
        if (--left === 0) {
          clearInterval(timer);
          response.end('data: [DONE]\n\n');
        }
      }, 20);
      return;
    }
    const answer = {
      '/v1/chat/completions': { choices: [{ message: { role: 'assistant', content: 'hello' } }] },
      '/v1/messages': { content: [{ type: 'text', text: 'hello' }], role: 'assistant' },
    }[request.url] || {
      output: { message: { role: 'assistant', content: [{ text: 'hello' }] } },
      stopReason: 'end_turn', usage: {}, metrics: {}, length, via: request.httpVersion,
    };
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(answer));
  });
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');

let tunnels = [];
const proxy = net.createServer((app) => {
  app.on('error', () => {});
  let head = '';
  const read = (chunk) => {
    head += chunk.toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    app.off('data', read);
    app.pause();
    const [, target] = /^CONNECT (\S+) /.exec(head) || [];
    tunnels.push(target || head.split('\r\n')[0]);
    if (!target || target.startsWith('refused.')) {
      app.end('HTTP/1.1 502 no such host\r\n\r\n');
      return;
    }
    const origin = net.connect(server.address().port, '127.0.0.1', () => {
      app.write('HTTP/1.1 200 OK\r\n\r\n');
      app.pipe(origin).pipe(app);
    });
    origin.on('error', () => app.destroy());
  };
  app.on('data', read);
});
proxy.listen(0, '127.0.0.1');
await once(proxy, 'listening');

const environment = {
  ...process.env,
  HTTPS_PROXY: `http://127.0.0.1:${proxy.address().port}`,
  NO_PROXY: 'localhost,127.0.0.1,::1',
  NODE_USE_ENV_PROXY: '1',
  NODE_EXTRA_CA_CERTS: at('cert.pem'),
  NODE_OPTIONS: `--require ${preload}`,
  OPENAI_API_KEY: 'sk-fake', ANTHROPIC_API_KEY: 'sk-fake',
  NODE_NO_WARNINGS: '1', AWS_ACCESS_KEY_ID: 'fake', AWS_SECRET_ACCESS_KEY: 'fake',
};
delete environment.https_proxy;
delete environment.no_proxy;

function run(code, { env = {}, type = 'commonjs' } = {}) {
  tunnels = [];
  const file = at(type === 'module' ? 'case.mjs' : 'case.cjs');
  fs.writeFileSync(file, code);
  const child = spawn(node, [file], { env: { ...environment, ...env } });
  let out = '';
  let err = '';
  child.stdout.on('data', (d) => (out += d));
  child.stderr.on('data', (d) => (err += d));
  const started = Date.now();
  const timer = setTimeout(() => child.kill('SIGKILL'), 20000);
  return new Promise((resolve) => child.on('close', (status) => {
    clearTimeout(timer);
    resolve({ out: out.trim(), err: err.trim(), status, tunnels, ms: Date.now() - started });
  }));
}

const get = (options) => `
require('https').get(${options}, (r) => { let b = ''; r.on('data', (d) => b += d);
  r.on('end', () => console.log(r.statusCode, JSON.parse(b).length)); })
  .on('error', (e) => console.log(e.code, e.message));`;

// Rule, program, expected output, expected tunnels, further settings.
const cases = [
  ['fetch', `fetch('https://a.example.com/x').then((r) => console.log(r.status))`, '200',
    ['a.example.com:443']],
  ['fetch twice, and the process ends',
    `(async () => { for (const i of [1, 2]) { const r = await fetch('https://a.example.com/x');
      await r.text(); } console.log('done'); })()`, 'done', undefined],
  ['https twice on one connection', `const https = require('https');
    const agent = new https.Agent({ keepAlive: true });
    const ask = (next) => https.get({ host: 'a.example.com', path: '/x', agent }, (r) =>
      r.resume().on('end', () => setTimeout(next, 10)));
    ask(() => ask(() => console.log('done')));`, 'done', ['a.example.com:443']],
  ['fetch of a stream',
    `fetch('https://a.example.com/stream').then((r) => r.text()).then((t) =>
      console.log(t.split('\\n\\n').length))`, '5', ['a.example.com:443']],
  ['fetch with a large body',
    `fetch('https://a.example.com/x', { method: 'POST', body: 'x'.repeat(5e6) })
      .then((r) => r.json()).then((j) => console.log(j.length))`, '5000000', ['a.example.com:443']],
  ['https.get', get(`'https://a.example.com:8443/x'`), '200 0', ['a.example.com:8443']],
  ['an agent of its own', get(`{ host: 'a.example.com', path: '/x',
    agent: new (require('https').Agent)({ keepAlive: true }) }`), '200 0', ['a.example.com:443']],
  ['no agent', get(`{ host: 'a.example.com', path: '/x', agent: false }`), '200 0',
    ['a.example.com:443']],
  ['http2', `const s = require('http2').connect('https://a.example.com');
    const r = s.request({ ':path': '/x' }); let b = ''; r.on('data', (d) => b += d);
    r.on('end', () => { console.log(JSON.parse(b).via); s.close(); }); r.end();`, '2.0',
    ['a.example.com:443']],
  ['tls.connect by position', `const s = require('tls').connect(443, 'a.example.com',
    { servername: 'a.example.com' }, () => { console.log(s.authorized); s.end(); });`, 'true',
    ['a.example.com:443']],
  ['tls.connect that fails reports as ever', `const s = require('tls').connect(
    { port: 443, host: 'wrong.example.org', servername: 'wrong.example.org' });
    s.on('error', (e) => console.log(e.code));`, 'ERR_TLS_CERT_ALTNAME_INVALID',
    ['wrong.example.org:443']],
  ['an ES module', `import { connect } from 'node:tls'; import https from 'node:https';
    https.get('https://a.example.com/x', (r) => { r.resume(); console.log(r.statusCode);
      const s = connect({ port: 443, host: 'a.example.com', servername: 'a.example.com' },
        () => s.end()); });`, '200',
    ['a.example.com:443', 'a.example.com:443'], { type: 'module' }],
  ['a worker', `const { Worker, isMainThread } = require('worker_threads');
    if (isMainThread) new Worker(__filename).on('exit', (c) => console.log('exit', c));
    else fetch('https://a.example.com/x').then((r) => r.text());`, 'exit 0',
    ['a.example.com:443']],
  ['a proxy that refuses', `require('https').get('https://refused.example.com/x')
    .on('error', (e) => console.log(e.code !== undefined));`, 'true', ['refused.example.com:443']],
  ['exempt hosts', get(`'https://b.example.com/x'`), undefined, [],
    { env: { NO_PROXY: '.example.com' } }],
  ['no proxy, no change', `console.log(require('tls').connect.toString().includes('Proxy'))`,
    'false', [], { env: { HTTPS_PROXY: '', https_proxy: '' } }],
  ['a setting that is no URL', `console.log('fine')`, 'fine', [],
    { env: { HTTPS_PROXY: 'http://:::', NODE_USE_ENV_PROXY: '' } }],
  ['a bad call throws as ever', `try { require('tls').connect({ port: 443, host: 'a.example.com',
    cert: 'nonsense' }); } catch (e) { console.log(e.code); }`, 'ERR_OSSL_PEM_NO_START_LINE',
    undefined],
  ['a request given up', `const r = require('https').get('https://a.example.com/stream',
    (s) => s.once('data', () => r.destroy())); r.on('error', () => {});
    r.on('close', () => console.log('closed'));`, 'closed', ['a.example.com:443']],
  ['an idle connection does not keep the process', `const https = require('https');
    https.get({ host: 'a.example.com', path: '/x', agent: new https.Agent({ keepAlive: true }) },
      (r) => r.resume().on('end', () => console.log('end')));`, 'end', ['a.example.com:443']],
  ['undici of npm with an agent of its own', `const u = require('undici');
    u.request('https://a.example.com/x', { dispatcher: new u.Agent() }).then(async (r) => {
      await r.body.text(); console.log(r.statusCode); });`, '200', ['a.example.com:443']],
  ['undici of npm with a proxy of its own', `const u = require('undici');
    u.setGlobalDispatcher(new u.ProxyAgent(process.env.HTTPS_PROXY));
    u.request('https://a.example.com/x').then(async (r) => { await r.body.text();
      console.log(r.statusCode); });`, '200', ['a.example.com:443']],
  ['openai', `const OpenAI = require('openai'); new OpenAI().chat.completions.create(
    { model: 'm', messages: [] }).then((c) => console.log(c.choices[0].message.content));`,
    'hello', ['api.openai.com:443']],
  ['anthropic', `const A = require('@anthropic-ai/sdk'); new A().messages.create(
    { model: 'm', max_tokens: 1, messages: [] }).then((m) => console.log(m.content[0].text));`,
    'hello', ['api.anthropic.com:443']],
  ['the AWS SDK', `const b = require('@aws-sdk/client-bedrock-runtime');
    new b.BedrockRuntimeClient({ region: 'eu-central-1' }).send(new b.ConverseCommand(
      { modelId: 'm', messages: [{ role: 'user', content: [{ text: 'x' }] }] }))
      .then((r) => console.log(r.output.message.content[0].text), (e) => console.log(e));`,
    'hello', ['bedrock-runtime.eu-central-1.amazonaws.com:443']],
];

let failed = 0;
for (const [rule, code, out, expected, settings] of cases) {
  const got = await run(code, settings);
  if (got.err.includes('Cannot find module')) {
    console.log(`skip ${rule}: not installed`);
    continue;
  }
  const good = (out === undefined || got.out === out) && got.err === '' && got.ms < 4000 &&
    (expected === undefined || JSON.stringify(got.tunnels) === JSON.stringify(expected));
  if (!good) failed += 1;
  console.log(`${good ? 'ok  ' : 'FAIL'} ${rule}${good ? '' : ' ' + JSON.stringify(got)}`);
}
fs.rmSync(folder, { recursive: true });
console.log(failed === 0 ? 'all good' : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
