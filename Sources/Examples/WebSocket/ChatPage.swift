/// What the browser shows of the chat.
enum ChatPage {
    static let html = """
        <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>Chat</title>
        <style>
        body { font: 1rem/1.5 system-ui; margin: 0; height: 100vh; display: grid }
        body { grid-template: auto 1fr auto / 1fr 12rem }
        header, form { grid-column: 1 / 3; display: flex; gap: .5rem; padding: .5rem; background: #eef }
        #log { overflow-y: auto; padding: .5rem; margin: 0; list-style: none }
        #people { border-left: 1px solid #ccd; padding: .5rem; margin: 0; list-style: none }
        [hidden] { display: none !important }
        .whispered { color: #727 } .problem { color: #a00 } input { font: inherit } #say { flex: 1 }
        </style>
        <header><b>Chat</b><span id="room"></span><span id="state">not connected</span></header>
        <ul id="log"></ul><ul id="people"></ul>
        <form id="enter"><input id="name" placeholder="Your name" maxlength="30" required>
        <button>Enter</button></form>
        <form id="talk" hidden><input id="to" placeholder="To all" size="10">
        <input id="say" placeholder="Say something; /room NAME goes elsewhere" autocomplete="off">
        <button>Send</button></form>
        <script>
        const $ = id => document.getElementById(id)
        let socket, delay = 500
        const send = value => socket.send(JSON.stringify(value))
        function show(kind, text) {
            const line = document.createElement("li")
            line.className = kind
            line.textContent = text
            $("log").append(line)
            line.scrollIntoView()
        }
        const events = {
            said: event => show("said", `${event.from}: ${event.text}`),
            whispered: event => show("whispered", `${event.from} whispers: ${event.text}`),
            problem: event => show("problem", event.text),
            people(event) {
                $("room").textContent = event.room
                $("people").replaceChildren(...event.people.map(name => {
                    const line = document.createElement("li")
                    line.textContent = name
                    return line
                }))
            },
        }
        function connect(name) {
            socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket`)
            socket.onopen = () => {
                $("state").textContent = "connected"
                $("enter").hidden = true
                $("talk").hidden = false
                delay = 500
                send({ name })
            }
            socket.onmessage = message => { const event = JSON.parse(message.data); events[event.kind](event) }
            socket.onclose = closed => {
                $("state").textContent = closed.reason || "not connected"
                if (closed.code === 1008) { $("enter").hidden = false; $("talk").hidden = true; return }
                setTimeout(() => connect(name), delay *= 2 * Math.random() + 1)
            }
        }
        $("enter").onsubmit = event => { event.preventDefault(); connect($("name").value) }
        $("talk").onsubmit = event => {
            event.preventDefault()
            const text = $("say").value
            if (text.startsWith("/room ")) send({ room: text.slice(6) })
            else if (text) send({ say: text, to: $("to").value || undefined })
            $("say").value = ""
        }
        </script></html>
        """
}
