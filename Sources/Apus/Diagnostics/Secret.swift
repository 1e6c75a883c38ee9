/// A text that only the service and whom it speaks with are to know. It stays out of descriptions: of the options that
/// hold it, too, which somebody may print or log.
package nonisolated struct Secret: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    /// The text; nil where there is none.
    package var text: String?

    /// Keeps a text.
    package init(_ text: String? = nil) { self.text = text }

    /// Whether there is one, no more.
    package var description: String { text == nil ? "none" : "…" }
    /// Nothing, also to `dump`.
    package var customMirror: Mirror { Mirror(self, children: []) }
}
