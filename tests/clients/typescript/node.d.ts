/** The functions of Node that the examples of the README use, so that no package with all types of Node is needed. */

declare module "node:fs" {
  export function openAsBlob(path: string): Promise<Blob>;
}

declare module "node:fs/promises" {
  interface Buffer extends Uint8Array<ArrayBuffer> {
    indexOf(text: string | number): number;
    readUInt16LE(offset: number): number;
    readUInt32LE(offset: number): number;
  }
  export function readFile(path: string): Promise<Buffer>;
}
