// npm openai: Chat Completions and Responses.
import OpenAI from "openai";

import { CITY, FREE, HELLO, PAID, WEATHER, play, red, url } from "./scenes.mjs";

const client = new OpenAI({ baseURL: `${url}/api/v1`, apiKey: "any", maxRetries: 0 });
const tools = [{ type: "function", function: { name: "weather", parameters: WEATHER } }];
const functions = [{ type: "function", name: "weather", parameters: WEATHER, strict: false }];

await play({
  async question(meant) {
    const answer = await client.chat.completions.create(meant({ messages: HELLO, temperature: 0.5, seed: 7 }));
    return answer.choices[0].message.content;
  },
  async stream(meant) {
    let text = "";
    for await (const chunk of await client.chat.completions.create(meant({ messages: HELLO, stream: true }))) {
      text += chunk.choices[0]?.delta?.content ?? "";
    }
    return text;
  },
  async tools(meant) {
    const messages = [{ role: "user", content: "How is the weather, npm openai?" }];
    const first = await client.chat.completions.create(meant({ messages, tools }));
    const [call] = first.choices[0].message.tool_calls;
    messages.push(first.choices[0].message);
    messages.push({ role: "tool", tool_call_id: call.id, content: "It rains." });
    const second = await client.chat.completions.create(meant({ messages, tools }));
    return [call.function.arguments, second.choices[0].message.content];
  },
  async picture(meant) {
    const parts = [
      { type: "text", text: "What is this?" },
      { type: "image_url", image_url: { url: `data:image/png;base64,${red}` } },
    ];
    const answer = await client.chat.completions.create(meant({ messages: [{ role: "user", content: parts }] }));
    return answer.choices[0].message.content;
  },
  async schema(meant) {
    const response_format = { type: "json_schema", json_schema: { name: "city", strict: true, schema: CITY } };
    const answer = await client.chat.completions.parse(meant({ messages: HELLO, response_format }));
    return answer.choices[0].message.parsed;
  },
  async response(meant) {
    return (await client.responses.create(meant({ input: "Hello", instructions: "Be brief." }))).output_text;
  },
  async response_stream(meant) {
    let text = "";
    for await (const event of await client.responses.create(meant({ input: "Hello", stream: true }))) {
      text += event.type === "response.output_text.delta" ? event.delta : "";
    }
    return text;
  },
  async response_tools(meant) {
    const input = [{ role: "user", content: "How is the weather, npm openai, in Responses?" }];
    const first = await client.responses.create(meant({ input, tools: functions }));
    const call = first.output.find((item) => item.type === "function_call");
    input.push(call, { type: "function_call_output", call_id: call.call_id, output: "It rains." });
    return [call.arguments, (await client.responses.create(meant({ input, tools: functions }))).output_text];
  },
  async error() {
    try {
      await client.chat.completions.create({ model: PAID, messages: HELLO });
    } catch (error) {
      return [error instanceof OpenAI.BadRequestError, error.status, error.message];
    }
  },
  async models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    return ids;
  },
});
