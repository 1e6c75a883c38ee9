import CApus

/// A line of a multipart body that is the boundary (RFC 2046 §5.1.1), and what stands right before it.
struct MultipartDelimiter {
    /// Where the CRLF before the line starts.
    let start: Int
    /// Behind the line and its end.
    let end: Int
    /// No part follows.
    let isLast: Bool

    /// Finds delimiters.
    struct Search {
        /// CRLF, two dashes and the boundary.
        private let mark: [UInt8]

        init(boundary: [UInt8]) { mark = [0x0D, 0x0A, 0x2D, 0x2D] + boundary }

        enum Outcome {
            case found(MultipartDelimiter)
            /// There is none, or none yet: what stands before the place is not part of one.
            case none(upTo: Int)
        }

        private enum Line {
            case delimiter(MultipartDelimiter)
            /// More bytes are needed to tell.
            case undecided
            case other
        }

        /// The first delimiter from `start` on. Before the first of a body nothing needs to stand: `atBeginning`.
        /// `isComplete`: the body ends with these bytes.
        func find(
            _ body: UnsafeRawBufferPointer, from start: Int, atBeginning: Bool, isComplete: Bool
        ) -> Outcome {
            if atBeginning {
                switch line(body, start, mark[2...], isComplete) {
                case .delimiter(let delimiter): return .found(delimiter)
                case .undecided: return .none(upTo: start)
                case .other: break
                }
            }
            guard let bytes = body.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return .none(upTo: start) }
            var position = start
            while position < body.count {
                // Asked first: a search for each byte of a long run of CRs would cost far more.
                if bytes[position] != 0x0D {
                    guard let found = capus_find(bytes + position, bytes + body.count, 0x0D) else { break }
                    position = found - bytes
                }
                switch line(body, position, mark[...], isComplete) {
                case .delimiter(let delimiter): return .found(delimiter)
                case .undecided: return .none(upTo: position)
                case .other: position += 1
                }
            }
            return .none(upTo: body.count)
        }

        /// Whether a delimiter starts at `start`: the mark, two dashes behind the last part, blanks and the line's end.
        @inline(__always)
        private func line(
            _ body: UnsafeRawBufferPointer, _ start: Int, _ mark: ArraySlice<UInt8>, _ isComplete: Bool
        ) -> Line {
            let undecided = isComplete ? Line.other : .undecided
            guard body.count - start > 1 else { return undecided }
            guard body[start + 1] == mark[mark.startIndex + 1] else { return .other }
            var position = start
            for byte in mark {
                guard position < body.count else { return undecided }
                if body[position] != byte { return .other }
                position &+= 1
            }
            return finish(body, start, position, isComplete)
        }

        private func finish(
            _ body: UnsafeRawBufferPointer, _ start: Int, _ markEnd: Int, _ isComplete: Bool
        ) -> Line {
            let undecided = isComplete ? Line.other : .undecided
            var position = markEnd
            var isLast = false
            if position < body.count, body[position] == 0x2D {
                guard position + 1 < body.count else { return undecided }
                isLast = body[position + 1] == 0x2D
                if isLast { position += 2 }
            }
            while position < body.count, isBlank(body[position]) { position += 1 }
            if isLast, isComplete, position == body.count {
                return .delimiter(MultipartDelimiter(start: start, end: position, isLast: true))
            }
            guard position < body.count else { return undecided }
            guard body[position] == 0x0D else { return .other }
            guard position + 1 < body.count else { return undecided }
            guard body[position + 1] == 0x0A else { return .other }
            return .delimiter(MultipartDelimiter(start: start, end: position + 2, isLast: isLast))
        }
    }
}
