/// The script of the page: it comes back when it was cut off, and repeats what was not heard.
enum ChatScript {
    static let text = #"""
        "use strict"
        const $ = id => document.getElementById(id)
        const random = () => Array.from(crypto.getRandomValues(new Uint8Array(12)),
            byte => byte.toString(16).padStart(2, "0")).join("")
        // By its key who comes back has the name again at once. It lives as long as the tab.
        const key = sessionStorage.chatKey ??= random()
        const final = new Set([1002, 1003, 1007, 1008, 1009, 4000])
        const unheard = new Map()  // What was said, until the server tells that it was.
        const seen = new Set()
        let socket, timer, name, room = decodeURIComponent(location.hash.slice(1)) || "lobby", delay = 500

        function element(tag, text, kind) {
            const node = document.createElement(tag)
            node.textContent = text  // Never as HTML.
            if (kind) node.className = kind
            return node
        }

        function show(kind, text, at = Date.now()) {
            const log = $("log")
            const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 50
            const line = element("li", "", kind)
            line.dataset.at = at
            line.append(element("time", new Date(at).toTimeString().slice(0, 5)), element("span", text))
            let before = log.lastElementChild
            while (before && Number(before.dataset.at) > at) before = before.previousElementSibling
            before ? before.after(line) : log.prepend(line)
            while (log.childElementCount > 1000) log.firstElementChild.remove()
            if (isAtEnd) log.scrollTop = log.scrollHeight
        }

        function isNew(line) {
            unheard.delete(line.id.slice(line.id.lastIndexOf("/") + 1))
            return !seen.has(line.id) && seen.add(line.id)
        }
        function said(line) { if (isNew(line)) show("said", `${line.from}: ${line.text}`, line.at) }

        const events = {
            welcome(event) {
                name = event.name
                delay = 500
                state("connected", `process ${event.process}`)
                showForms(true)
                for (const message of unheard.values()) send(message)
            },
            entered(event) {
                if (event.room !== $("room").textContent) { $("log").replaceChildren(); seen.clear() }
                $("room").textContent = room = event.room
                history.replaceState(null, "", "#" + encodeURIComponent(room))
                event.lines.forEach(said)
            },
            lines(event) { event.lines.forEach(said) },
            said(event) { said(event.line) },
            whispered({ line }) {
                const to = line.from === name ? ` to ${line.to}` : ""
                if (isNew(line)) show("whispered", `${line.from} whispers${to}: ${line.text}`, line.at)
            },
            people(event) {
                const more = event.count - event.people.length
                $("people").replaceChildren(...event.people.map(person => {
                    const line = element("li", person, person === name ? "me" : "")
                    if (person !== name) line.onclick = () => { $("to").value = person; $("say").focus() }
                    return line
                }), ...(more ? [element("li", `and ${more} more`)] : []))
            },
            problem(event) {
                const message = unheard.get(event.id)
                unheard.delete(event.id)
                show("problem", event.text)
                if (message && !$("say").value) $("say").value = message.text
            },
        }

        function state(text, title = "") {
            $("state").textContent = text
            $("state").title = title
        }
        function send(message) {
            if (socket?.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message))
        }
        function tell(message) {
            message.id = random()
            unheard.set(message.id, message)
            send(message)
        }
        function showForms(isIn) {
            $("enter").hidden = isIn
            $("talk").hidden = !isIn
        }

        function connect() {
            clearTimeout(timer)
            state("connecting")
            const scheme = location.protocol === "https:" ? "wss" : "ws"
            const own = socket = new WebSocket(`${scheme}://${location.host}/socket`)
            own.onopen = () => own.send(JSON.stringify({ kind: "enter", name, key, room }))
            own.onmessage = message => {
                const event = JSON.parse(message.data)
                events[event.kind]?.(event)
            }
            own.onclose = closed => {
                if (own !== socket) return
                state(closed.reason || "not connected")
                if (final.has(closed.code)) return showForms(false)
                // Later each time, and not all pages at once when a server comes back.
                timer = setTimeout(connect, delay * (0.5 + Math.random()))
                delay = Math.min(delay * 2, 15000)
            }
        }
        // The network is another one: the old connection is dead, and may not know it for minutes.
        addEventListener("online", () => {
            if ($("talk").hidden) return
            const old = socket
            connect()
            old?.close()
        })

        $("name").value = sessionStorage.chatName ?? ""
        $("enter").onsubmit = event => {
            event.preventDefault()
            sessionStorage.chatName = name = $("name").value
            connect()
        }
        $("talk").onsubmit = event => {
            event.preventDefault()
            const text = $("say").value
            $("say").value = ""
            if (text.startsWith("/room ")) send({ kind: "move", room: text.slice(6) })
            else if (text && $("to").value) tell({ kind: "whisper", to: $("to").value, text })
            else if (text) tell({ kind: "say", text })
        }
        """#
}
