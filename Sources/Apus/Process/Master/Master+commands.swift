import ApusProtocols

/// What commands ask the master for.
extension Master {
    /// A client of the control socket has sent its command.
    func serve(_ client: ControlSocket.Client) {
        guard let control, let command = control.command(of: client) else { return }
        let children = slots.flatMap { slot in slot.children.map { ($0, slot) } }
        switch ControlRequest(command) {
        case .statusJSON: control.answer(client, ServiceSnapshot(self).json)
        case .liveStatus(let width):
            let snapshot = ServiceSnapshot(self, rates: rates.look(at: children.map(\.0)))
            let full = StatusReport(snapshot).text
            let isNarrow = width > 0 && full.split(atASCII: "\n").contains { $0.count > width }
            control.answer(client, isNarrow ? NarrowStatus(snapshot, width: width).text : full)
        case .status: control.answer(client, StatusReport(ServiceSnapshot(self)).text)
        case .connections(let isJSON):
            let ready = children.filter { $0.0.isReady }
            client.query = ConnectionsQuery(ready, isJSON: isJSON)
            if ready.isEmpty { control.answer(client, client.query!.text) }
        case nil: control.answer(client, "unknown command \(command)")
        }
    }
}
