import CrypTenBase
import Crypto
import Foundation

/// What is plugged into a plan in one run: names and versions, so that nobody plugs in something else.
///
/// Its canonical bytes are hashed; every frame of the run carries the start of that hash, and the keys of the run's words
/// come from all of it.
struct RunBinding: Hashable, Codable, Sendable {
    /// SHA-256 of the session's salt and the plan's fingerprint, in hexadecimal: the dealer must not guess constants.
    var fingerprint: String
    /// Runs of a session are numbered: no number comes twice.
    var run: UInt64
    /// The session's numbers of the inputs that owners put in.
    var inputs: [Int]
    /// The session's numbers of the kept values that are read, in the plan's order.
    var keptInputs: [Int]
    /// The numbers under which outputs are kept.
    var keptOutputs: [Int]
    /// Numbers of kept values that were given up since the run before.
    var released: [Int]
    /// SHA-256 of the salt and each public operand, in hexadecimal.
    var plainDigests: [String]

    /// Equal bindings have equal bytes.
    func canonicalBytes() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(self))
    }
}

extension Sequence<UInt8> {
    /// Two digits a byte.
    var hexadecimal: String {
        map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
