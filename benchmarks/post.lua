-- What wrk sends, and how it reports: requests, microseconds, errors, median and 99th percentile in microseconds.
wrk.method = "POST"
wrk.body = '{"model":"free","messages":[{"role":"user","content":"What is the capital of France?"}],"temperature":0.2}'
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer " .. os.getenv("BENCH_KEY")

function done(summary, latency)
  local errors = summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format("RESULT %d %d %d %f %f\n", summary.requests, summary.duration, errors,
    latency:percentile(50), latency:percentile(99)))
end
