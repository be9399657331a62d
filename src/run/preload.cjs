'use strict';
// Loaded before a Node program by `overhear run`: lets its TLS connections to HTTP servers go
// through the proxy of the environment, on Node versions without NODE_USE_ENV_PROXY and for
// clients that bring an agent of their own (the AWS SDK reads no proxy variable at all).
//
// One place is changed, `tls.connect`: fetch, http2, every https.Agent and the undici of npm
// all end there, and a client that knows its proxy comes with a `socket` that it has
// already connected, which is left alone. Only the way to the server is another: options,
// certificates, ALPN, events and errors stay those of the app's own call.
//
// Silent, and never the cause of an error: what is not understood is connected as before.

function install() {
  const env = process.env;
  const setting = env.https_proxy || env.HTTPS_PROXY;
  if (!setting) return;

  const proxy = parseProxy(setting);
  if (!proxy) return;

  const net = require('net');
  const tls = require('tls');
  const { Duplex } = require('stream');

  const LOADED = Symbol.for('overhear.preload');
  if (tls.connect[LOADED]) return;

  // A head that is longer is no proxy's.
  const HEAD_BYTES_MAX = 64 * 1024;

  // The connection to the origin through the proxy: a stream that is `connecting` until the
  // proxy has answered, then one of the origin's own bytes.
  class Tunnel extends Duplex {
    constructor(host, port) {
      super({ allowHalfOpen: true });
      this.connecting = true;
      this._host = host;
      this.head = Buffer.alloc(0);
      this.held = null;
      this.raw = net.connect({ host: proxy.host, port: proxy.port });
      this.raw.setNoDelay(true);
      this.raw.once('connect', () => this.raw.write(connectRequest(host, port)));
      this.raw.on('data', (bytes) => (this.connecting ? this.answer(bytes) : this.pass(bytes)));
      this.raw.on('end', () => (this.connecting ? this.refuse('it hung up') : this.push(null)));
      this.raw.on('error', (error) => this.destroy(error));
      this.raw.on('close', () => this.destroy());
    }

    answer(bytes) {
      this.head = Buffer.concat([this.head, bytes]);
      const end = this.head.indexOf('\r\n\r\n');
      if (end < 0) {
        if (this.head.length > HEAD_BYTES_MAX) this.refuse('its answer has no end');
        return;
      }
      const line = this.head.toString('latin1', 0, this.head.indexOf('\r\n'));
      if (!/^HTTP\/1\.[01] 2\d\d/.test(line)) return this.refuse(line);
      const rest = this.head.subarray(end + 4);
      this.head = null;
      this.connecting = false;
      this.emit('connect');
      if (this.held) this.held();
      if (rest.length > 0) this.pass(rest);
    }

    pass(bytes) {
      if (!this.push(bytes)) this.raw.pause();
    }

    // The code is one that clients try again on, as they would without a proxy.
    refuse(why) {
      const error = new Error(`connect to ${this._host} through the proxy: ${why}`);
      this.destroy(Object.assign(error, { code: 'ECONNREFUSED', syscall: 'connect' }));
    }

    _read() {
      this.raw.resume();
    }

    _write(bytes, encoding, done) {
      const write = () => this.raw.write(bytes, encoding, done);
      if (this.connecting) this.held = write;
      else write();
    }

    _final(done) {
      this.raw.end();
      done();
    }

    _destroy(error, done) {
      this.raw.destroy();
      done(error);
    }
  }

  const connect = tls.connect;

  function connectThroughProxy(...args) {
    const options = target(args);
    if (!options) return connect.apply(this, args);
    const tunnel = new Tunnel(options.host, Number(options.port));
    let socket;
    try {
      socket = connect.call(this, { ...options, socket: tunnel }, args.find(isFunction));
    } catch (error) {
      tunnel.destroy();
      throw error;
    }
    // Given a socket, `tls.connect` leaves these to whoever connected it.
    if (options.timeout) socket.setTimeout(options.timeout);
    follow(socket, tunnel.raw);
    return socket;
  }

  // A stream in between hides the connection itself: whether it keeps the process alive, its
  // keep-alive and its address are still the app's to set and ask.
  function follow(socket, raw) {
    for (const name of ['ref', 'unref', 'setKeepAlive', 'setNoDelay']) {
      const own = socket[name];
      socket[name] = function (...args) {
        raw[name](...args);
        return own.apply(this, args);
      };
    }
    for (const name of ['remoteAddress', 'remotePort', 'remoteFamily', 'localAddress', 'localPort']) {
      Object.defineProperty(socket, name, { configurable: true, get: () => raw[name] });
    }
  }

  // The options of a call that is to go through the proxy; nothing for any other.
  function target(args) {
    try {
      const options = optionsOf(args);
      if (options.socket || options.path || !options.port) return undefined;
      options.host = String(options.host || 'localhost');
      // TLS for something else than HTTP (mail, databases) is not for an HTTP proxy. An
      // https.Agent marks its calls; before Node 19 it offers no ALPN.
      const speaksHttp =
        options.ALPNProtocols || '_agentKey' in options || Number(options.port) === 443;
      const exempt = isExempt(options.host, options.port, env.no_proxy || env.NO_PROXY || '');
      return speaksHttp && !exempt ? options : undefined;
    } catch {
      return undefined;
    }
  }

  // `tls.connect` takes (options), (port, options), (port, host, options) and (path, options).
  function optionsOf(args) {
    const [port, host] = args;
    if (typeof port === 'object' && port !== null) return { ...port };
    if (!Number.isInteger(Number(port))) return { path: port };
    const options = args.find((arg) => typeof arg === 'object' && arg !== null);
    const named = typeof host === 'string' ? { port, host } : { port };
    return { ...options, ...named };
  }

  function connectRequest(host, port) {
    const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    return `CONNECT ${authority} HTTP/1.1\r\nHost: ${authority}\r\n${proxy.authorization}\r\n`;
  }

  function isFunction(value) {
    return typeof value === 'function';
  }

  // An https:// proxy is left to clients that can speak to one.
  function parseProxy(text) {
    try {
      const url = new URL(text.includes('://') ? text : `http://${text}`);
      if (url.protocol !== 'http:') return undefined;
      const user = decodeURIComponent(url.username);
      const credentials = Buffer.from(`${user}:${decodeURIComponent(url.password)}`);
      return {
        host: url.hostname.replace(/^\[|\]$/g, ''),
        port: Number(url.port || 80),
        authorization: user
          ? `Proxy-Authorization: Basic ${credentials.toString('base64')}\r\n`
          : '',
      };
    } catch {
      return undefined;
    }
  }

  // Entries as curl reads them: a host and everything below it, with a port or without, or `*`.
  function isExempt(host, port, list) {
    const name = host.toLowerCase().replace(/^\[|\]$/g, '').replace(/\.$/, '');
    return list
      .toLowerCase()
      .split(/[\s,]+/)
      .filter(Boolean)
      .some((entry) => {
        if (entry === '*') return true;
        const [, bare, wanted] = /^(.*?|\[.*\])(?::(\d+))?$/.exec(
          net.isIPv6(entry) ? `[${entry}]` : entry,
        );
        const suffix = bare.replace(/^\[|\]$/g, '').replace(/^\*?\./, '');
        const samePort = !wanted || Number(wanted) === Number(port);
        return samePort && (name === suffix || name.endsWith(`.${suffix}`));
      });
  }

  Object.defineProperty(connectThroughProxy, 'name', { value: 'connect' });
  Object.defineProperty(connectThroughProxy, LOADED, { value: true });
  tls.connect = connectThroughProxy;
  // For `import { connect } from 'node:tls'`.
  require('module').syncBuiltinESMExports();
}

try {
  install();
} catch {
  // A runtime that is not quite Node: it starts as it would without us.
}
