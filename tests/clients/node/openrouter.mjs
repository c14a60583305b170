// npm @openrouter/sdk, OpenRouter's own: it speaks camelCase, and turns it into what goes over the wire.
import { OpenRouter } from "@openrouter/sdk";

import { CITY, HELLO, PAID, WEATHER, play, red, url } from "./scenes.mjs";

const client = new OpenRouter({ serverURL: `${url}/api/v1`, apiKey: "any" });
const tools = [{ type: "function", function: { name: "weather", parameters: WEATHER } }];
const send = (chatRequest) => client.chat.send({ chatRequest });

await play({
  async question(meant) {
    const answer = await send(meant({ messages: HELLO, temperature: 0.5, seed: 7, stream: false }));
    return answer.choices[0].message.content;
  },
  async stream(meant) {
    let text = "";
    for await (const chunk of await send(meant({ messages: HELLO, stream: true }))) {
      text += chunk.choices[0]?.delta?.content ?? "";
    }
    return text;
  },
  async tools(meant) {
    const question = { role: "user", content: "How is the weather, npm openrouter?" };
    const first = await send(meant({ messages: [question], tools, stream: false }));
    const [call] = first.choices[0].message.toolCalls;
    const called = { id: call.id, type: "function", function: { ...call.function } };
    const said = { role: "assistant", content: null };
    const result = { role: "tool", content: "It rains." };
    const onTheWire = [question, { ...said, tool_calls: [called] }, { ...result, tool_call_id: call.id }];
    meant({ messages: onTheWire, tools, stream: false });
    const messages = [question, { ...said, toolCalls: [called] }, { ...result, toolCallId: call.id }];
    const second = await send({ model: "openrouter/free", messages, tools, stream: false });
    return [call.function.arguments, second.choices[0].message.content];
  },
  async picture(meant) {
    const address = { url: `data:image/png;base64,${red}` };
    const text = { type: "text", text: "What is this?" };
    const asked = (name) => [{ role: "user", content: [text, { type: "image_url", [name]: address }] }];
    meant({ messages: asked("image_url"), stream: false });
    const answer = await send({ model: "openrouter/free", messages: asked("imageUrl"), stream: false });
    return answer.choices[0].message.content;
  },
  async schema(meant) {
    const city = { name: "city", strict: true, schema: CITY };
    meant({ messages: HELLO, response_format: { type: "json_schema", json_schema: city }, stream: false });
    const responseFormat = { type: "json_schema", jsonSchema: city };
    const answer = await send({ model: "openrouter/free", messages: HELLO, responseFormat, stream: false });
    return JSON.parse(answer.choices[0].message.content);
  },
  async error() {
    try {
      await send({ model: PAID, messages: HELLO, stream: false });
    } catch (error) {
      return [error.name === "BadRequestResponseError", error.statusCode, error.message];
    }
  },
  async models() {
    const ids = [];
    for await (const page of await client.models.list({ limit: 7 })) {
      ids.push(...page.result.data.map((model) => model.id));
    }
    return ids;
  },
});
