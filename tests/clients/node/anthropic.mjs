// npm @anthropic-ai/sdk: Messages.
import Anthropic from "@anthropic-ai/sdk";

import { CITY, HELLO, PAID, WEATHER, play, red, url } from "./scenes.mjs";

const client = new Anthropic({ baseURL: `${url}/api`, apiKey: "any", maxRetries: 0 });
const max_tokens = 500;
const tools = [{ name: "weather", input_schema: WEATHER }];
const textOf = (message) => message.content.map((block) => block.text ?? "").join("");

await play({
  async question(meant) {
    return textOf(await client.messages.create(meant({ max_tokens, messages: HELLO, system: "Be brief." })));
  },
  async stream(meant) {
    const stream = client.messages.stream(meant({ max_tokens, messages: HELLO, stream: true }));
    return textOf(await stream.finalMessage());
  },
  async tools(meant) {
    const messages = [{ role: "user", content: "How is the weather, npm anthropic?" }];
    const first = await client.messages.create(meant({ max_tokens, messages, tools }));
    const call = first.content.find((block) => block.type === "tool_use");
    messages.push({ role: "assistant", content: first.content });
    messages.push({ role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "It rains." }] });
    const second = await client.messages.create(meant({ max_tokens, messages, tools }));
    return [JSON.stringify(call.input), textOf(second)];
  },
  async picture(meant) {
    const source = { type: "base64", media_type: "image/png", data: red };
    const content = [{ type: "image", source }, { type: "text", text: "What is this?" }];
    return textOf(await client.messages.create(meant({ max_tokens, messages: [{ role: "user", content }] })));
  },
  async schema(meant) {
    const output_config = { format: { type: "json_schema", schema: CITY } };
    return JSON.parse(textOf(await client.messages.create(meant({ max_tokens, messages: HELLO, output_config }))));
  },
  async error() {
    try {
      await client.messages.create({ model: PAID, max_tokens, messages: HELLO });
    } catch (error) {
      return [error instanceof Anthropic.BadRequestError, error.status, error.message];
    }
  },
  async models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    return ids;
  },
});
