import Apus

/// What the browser shows of the chat; `ChatScript` makes it work.
enum ChatPage {
    /// No script runs but the one from here, whatever somebody has said.
    static let headers: HTTPHeaders = [
        "Content-Type": "text/html;charset=utf-8",
        "Content-Security-Policy":
            "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self' ws: wss:; "
            + "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    ]

    static let html = """
        <!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
        <title>Chat</title>
        <style>
        body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; height: 100dvh; display: grid; color: #223 }
        body { grid-template: auto 1fr auto / 1fr clamp(6rem, 20vw, 14rem) }
        header, form { grid-column: 1 / 3; display: flex; gap: .5rem; padding: .5rem .75rem; background: #eef1f8 }
        header { align-items: baseline; border-bottom: 1px solid #cdd3e0 }
        form { border-top: 1px solid #cdd3e0 }
        #state { margin-left: auto; color: #667 }
        #log, #people { overflow-y: auto; padding: .5rem .75rem; margin: 0; list-style: none }
        #log li { overflow-wrap: anywhere; white-space: pre-wrap }
        #log time { color: #889; font-size: .8rem; margin-right: .5rem }
        #people { border-left: 1px solid #cdd3e0; background: #f8f9fc }
        #people li { cursor: pointer; overflow-wrap: anywhere } #people .me { font-weight: 600; cursor: default }
        [hidden] { display: none !important }
        .whispered { color: #727 } .problem { color: #a00 }
        input, button { font: inherit; padding: .25rem .5rem } #say { flex: 1; min-width: 4rem }
        </style>
        <header><b>Chat</b><span id="room"></span><span id="state" role="status">not connected</span></header>
        <ul id="log" aria-live="polite"></ul><ul id="people" aria-label="People in this room"></ul>
        <form id="enter"><input id="name" placeholder="Your name" maxlength="30" required autofocus>
        <button>Enter</button></form>
        <form id="talk" hidden><input id="to" placeholder="To all" size="10" maxlength="30" aria-label="To">
        <input id="say" placeholder="Say something; /room NAME goes elsewhere" maxlength="1000" autocomplete="off"
        aria-label="What you say"><button>Send</button></form>
        <script src="chat.js"></script></html>
        """
}
