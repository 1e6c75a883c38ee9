import Apus
import Glibc

/// A handler's error.
struct HandlerFailed: Error {}

/// What handlers do, at random: to their own connection and to others, at once, later in the turn, after a while, or in
/// a task.
final class Deeds {
    /// The hands of this schedule.
    var hands: [any Hand] = []
    private var depth = 0

    nonisolated deinit {}

    /// Called in each callback of `hand`. Only those of messages may throw.
    func act(_ hand: any Hand, mayThrow: Bool = false) throws {
        guard depth < 3 else { return }
        depth += 1
        defer { depth -= 1 }
        let deed = draw(40)
        if options.traces { trace("deed \(deed) of peer \(hand.life.peer)") }
        switch deed {
        case 0: hand.close()
        case 1: hand.end()
        case 2 where draw(3) == 0: hand.destroy()
        case 3, 4: pauseForAWhile(hand)
        case 5, 6: if let other = hands.randomOne { try actOn(other) }
        case 7:
            EventLoop.current.execute { hand.say(drawSize()) }
        case 8: hand.after(Double(draw(20)) / 1000) { hand.say(drawSize()) }
        case 9:
            hand.run {
                await Task.yield()
                hand.say(drawSize())
            }
        case 10: hand.run { try await WorkerTimer.sleep(Double(draw(5)) / 1000) }
        case 11 where mayThrow && draw(3) == 0:
            hand.life.wasDestroyed = true
            throw HandlerFailed()
        case 12:
            for _ in 0..<draw(5) { hand.say(drawSize()) }
        case 13:
            // The same turn, behind all else.
            EventLoop.current.execute { hand.destroy() }
        default: break
        }
    }

    private func actOn(_ other: any Hand) throws {
        switch draw(6) {
        case 0: other.close()
        case 1: other.destroy()
        case 2: pauseForAWhile(other)
        case 3: other.resume()
        default: other.say(drawSize())
        }
    }

    private func pauseForAWhile(_ hand: any Hand) {
        hand.pause()
        hand.after(Double(draw(10)) / 1000) { hand.resume() }
    }
}

extension Array {
    /// Any of them; nil when there is none.
    var randomOne: Element? { isEmpty ? nil : self[draw(count)] }
}

/// Beside the kernel's trace.
private func trace(_ text: String) {
    var line = text + "\n"
    _ = line.withUTF8 { write(2, $0.baseAddress, $0.count) }
}
