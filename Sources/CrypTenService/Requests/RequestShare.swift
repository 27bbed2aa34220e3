package import CrypTenSharing
import NIOConcurrencyHelpers

/// This party's part of one request's inputs: in one place, whoever has the request, so that it can be overwritten there when the run is over.
package final class RequestShare: Sendable {
    private let part: NIOLockedValueBox<InferenceRequest.Part>

    package init(_ part: InferenceRequest.Part) {
        self.part = NIOLockedValueBox(part)
    }

    /// The words of each input.
    ///
    /// - Parameter words: Makes those of an input of a seed.
    /// - Returns: What `body` makes of the words: each input's are overwritten behind it, if they were made for it.
    package func withWords(
        of inputs: [InferenceRequest.Input],
        making words: (ShareSeed, InferenceRequest.Input) throws -> [UInt64],
        _ body: (Int, [UInt64]) throws -> Void
    ) throws {
        switch part.withLockedValue({ $0 }) {
        case .words(let all):
            for (index, words) in all.enumerated() { try body(index, words) }
        case .seed(let seed):
            for (index, input) in inputs.enumerated() {
                var made = try words(seed, input)
                defer { made.wipe() }
                try body(index, made)
            }
        }
    }

    /// Overwrites what there is: nothing is made of this part any more.
    package func wipe() {
        part.withLockedValue { part in
            let held = part
            part = .words([])
            switch consume held {
            case .words(var words):
                for index in words.indices { words[index].wipe() }
            case .seed(var seed):
                seed.wipe()
            }
        }
    }

    /// Whether there is nothing any more, for tests.
    package var isEmpty: Bool {
        part.withLockedValue { $0 == .words([]) }
    }
}
