// Reads prompts by llama.cpp's engine: node llama_cpp.mjs MODEL.gguf TOKENS.json THREADS
// TOKENS.json holds token ids, a list a prompt. Prints {"tokens": n, "seconds": s}, of the clock.
import fs from "fs";
import { getLlama } from "node-llama-cpp";

const [modelPath, tokensPath, threads] = process.argv.slice(2);
const prompts = JSON.parse(fs.readFileSync(tokensPath));
const llama = await getLlama({ gpu: false, build: "never", maxThreads: Number(threads), logLevel: "error" });
const model = await llama.loadModel({ modelPath });
const contextSize = Math.max(...prompts.map((prompt) => prompt.length)) + 8;
const context = await model.createContext({ contextSize, batchSize: 512, threads: Number(threads), sequences: 1 });
const sequence = context.getSequence();
const read = async (tokens) => {
  await sequence.evaluateWithoutGeneratingNewTokens(tokens);
  await sequence.clearHistory();
};
await read(prompts[0].slice(0, 64)); // what the first reading sets up is not counted
const began = performance.now();
for (const prompt of prompts) await read(prompt);
const seconds = (performance.now() - began) / 1000;
console.log(JSON.stringify({ tokens: prompts.flat().length, seconds }));
process.exit(0);
