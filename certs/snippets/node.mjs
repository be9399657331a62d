// For a program of your own on Node before 22.21, or with a client that reads no variable:
// undici's proxy agent for fetch. `npm install undici@6`; start with NODE_EXTRA_CA_CERTS set.
import { EnvHttpProxyAgent, setGlobalDispatcher } from 'undici';

setGlobalDispatcher(new EnvHttpProxyAgent());
