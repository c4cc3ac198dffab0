declare const CAUSEWAY_VERSION: string; // put in by build.mjs from package.json

export const version: string = CAUSEWAY_VERSION;
