import CrypTen
import Foundation

/// Options with which an inference is as exact as wanted, found by checked runs on sample inputs.
struct Suggestion: Encodable, Sendable {
    /// What one of the runs gave.
    struct Candidate: Encodable, Sendable {
        var fractionBits: Int
        var rounds: Int?
        /// Of the party that writes most.
        var onlineBytes: Int?
        var dealerBytes: Int?
        /// The largest error of an output, as a part of its largest true number.
        var error: Double?
        var headRoomBits: Double?
        /// Why it won't do; null where it does.
        var reason: String?
    }

    var candidates: [Candidate]
    /// Those of the cheapest run that is exact enough; null where none is.
    var fractionBits: Int?
    var wantedError: Double
    /// The options, to be pasted.
    var options: String?

    /// The fraction bits that are tried.
    private static let tried = stride(from: 8, through: 28, by: 2)

    /// Tries them.
    ///
    /// - Parameter progress: Told the fraction bits that are tried next.
    /// - Throws: what is wrong with the model or a file, whatever the fraction bits.
    static func trying(_ inference: CheckedInference, _ progress: (Int) -> Void) async throws -> Suggestion {
        var inference = inference
        inference.inference.isQuiet = true
        inference.inference.outputDirectory = nil
        var candidates: [Candidate] = []
        for bits in tried {
            progress(bits)
            inference.fractionBits = bits
            do {
                candidates.append(Candidate(try await inference.run(), fractionBits: bits))
            } catch let error as CrypTenError where error.code == .outOfRange || error.code == .partyFailed {
                // An input or a weight that so many bits leave no room for.
                candidates.append(Candidate(fractionBits: bits, reason: error.message))
            }
        }
        return Suggestion(candidates, wantedError: inference.wantedError)
    }

    init(_ candidates: [Candidate], wantedError: Double) {
        self.candidates = candidates
        self.wantedError = wantedError
        let good = candidates.filter { $0.reason == nil }
        func cost(_ candidate: Candidate) -> Int {
            (candidate.onlineBytes ?? 0) + (candidate.dealerBytes ?? 0)
        }
        // Of those that cost the same, or nearly, the one that leaves most on both sides: the inputs are samples.
        guard let least = good.map(cost).min() else { return }
        let cheap = good.filter { Double(cost($0)) <= Double(least) * 1.02 }
        fractionBits = cheap[cheap.count / 2].fractionBits
        options = fractionBits.map { "--fraction-bits \($0)" }
    }

    /// Why nothing is suggested.
    var problem: CrypTenError? {
        guard fractionBits == nil else { return nil }
        let nearest = candidates.min { ($0.error ?? .infinity) < ($1.error ?? .infinity) }
        return CrypTenError(
            .outOfRange,
            """
            no fraction bits from 8 to 28 are exact enough on these inputs; nearest are \(nearest?.fractionBits ?? 16): \
            \(nearest?.reason ?? "nothing was found")
            """
        )
    }

    var text: String {
        var table = TextTable(["fraction bits", "rounds", "online bytes", "dealer bytes", "error", "head room", ""])
        for candidate in candidates {
            table.add([
                "\(candidate.fractionBits)", candidate.rounds.map { "\($0)" } ?? "–",
                candidate.onlineBytes?.grouped ?? "–", candidate.dealerBytes?.grouped ?? "–",
                candidate.error?.significant(2) ?? "–", candidate.headRoomBits?.fixed(1) ?? "–",
                candidate.reason == nil ? (candidate.fractionBits == fractionBits ? "suggested" : "right") : "wrong",
            ])
        }
        return table.text + (options.map { "\n\n\($0)" } ?? "")
    }
}

extension Suggestion.Candidate {
    fileprivate init(_ result: CheckedInference.Result, fractionBits: Int) {
        let check = result.check
        self.init(
            fractionBits: fractionBits,
            rounds: result.cost.rounds,
            onlineBytes: result.cost.onlineBytes.max() ?? 0,
            dealerBytes: result.cost.dealerBytes,
            error: check.violation == nil ? check.outputErrors.compactMap { $0?.part }.filter(\.isFinite).max() ?? 0 : nil,
            headRoomBits: check.layers.compactMap(\.headRoomBits).filter(\.isFinite).min(),
            reason: (check.violations + check.imprecisions).first?.message
        )
    }
}
