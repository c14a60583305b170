// What the three scripts share: what is asked for, and how it is told to the test that started them.

export const [, , url, red] = process.argv;
export const FREE = "openrouter/free";
export const PAID = "openai/gpt-4o";
export const HELLO = [{ role: "user", content: "Hello" }];
export const WEATHER = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
export const CITY = {
  type: "object",
  properties: { city: { type: "string" }, inhabitants: { type: "integer" } },
  required: ["city", "inhabitants"],
  additionalProperties: false,
};

// Play each scene; a scene gives what came of it, and meant(body) notes what it asked for, in order.
export async function play(scenes) {
  const told = { results: {}, meant: [] };
  const meant = (body) => {
    told.meant.push(structuredClone(body));
    return { model: FREE, ...body };
  };
  for (const [name, scene] of Object.entries(scenes)) {
    told.results[name] = await scene(meant);
  }
  console.log(JSON.stringify(told));
}
