// node greedy.mjs MODEL.gguf TOKENS.json N OUT.json [THREADS]: the N tokens that llama.cpp finds most likely after some.
// Run it in a folder where node-llama-cpp is installed: npm install node-llama-cpp@3
import {getLlama} from "node-llama-cpp";
import fs from "fs";
const [,, path, given, count, out, threads] = process.argv;
const llama = await getLlama({gpu: false, build: "never"});
const model = await llama.loadModel({modelPath: path});
const context = await model.createContext({
    contextSize: 1024, threads: Number(threads ?? 1), flashAttention: false,
    experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32"
});
const {tokens, text} = JSON.parse(fs.readFileSync(given, "utf8"));
const found = [], before = process.cpuUsage(), started = performance.now();
for await (const token of context.getSequence().evaluate(tokens, {temperature: 0})) {
    found.push(token);
    if (found.length >= Number(count)) break;
}
const spent = process.cpuUsage(before), wall = (performance.now() - started) / 1e3;
fs.writeFileSync(out, JSON.stringify({
    tokens: found, encoded: model.tokenize(text, false), seconds: (spent.user + spent.system) / 1e6, wall
}));
process.exit(0);
