/// What `apus load --help` says beside the options.
nonisolated enum LoadHelp {
    static let discussion = """
        Examples:
          apus load http://127.0.0.1:8080/           10 s, 64 connections
          apus load -c 256 -d 30s -t 2 URL           from two processes
          apus load -n 100000 --pipeline 16 URL      exactly so many requests
          apus load -m PUT --body @data.bin URL      with a body
          apus load -H 'X-Key: 1' --json=r.json URL  with a report as JSON
          apus load --no-keepalive --unix /run/app.sock http://localhost/

        Exit status: 0 all is well; 1 there were errors, or no connection; 64 the command line is wrong.

        The JSON report is one object. Counts: requests (completed), unfinished, reconnects, connections_opened, \
        status {1xx…5xx}, errors {total, connect, read, write, timeout, closed_early, malformed}, error_causes. \
        Rates: duration_seconds, requests_per_second, bytes_received, bytes_sent, bytes_per_second. Latencies in µs: \
        latency_us {min, mean, stdev, max, p50, p75, p90, p99, p999, p9999}. How: tool, url, unix, method, \
        connections, processes, pipeline, keep_alive. Also: interrupted, client_cpu_seconds, client_cpu_percent.

        A response with any status completes its request. A latency counts from the sending of the request, with \
        --pipeline of its batch, with --no-keepalive from the start of its connection. --timeout limits the time \
        between that, or the response before, and the response's last byte.
        """
}
