nonisolated extension String {
    /// Without control characters: what a server has said must not steer a terminal.
    var withoutControls: String {
        let printed = unicodeScalars.filter { $0.properties.generalCategory != .control }
        return String(String.UnicodeScalarView(printed))
    }
}
