import CrypTenBase
package import CrypTenPlanning
import Crypto
import Foundation

/// What is plugged into a plan in one run: names and versions, so that nobody plugs in something else.
///
/// The keys of the run's words come from the hash of it, and every frame of the run carries the start of a hash that
/// contains it.
package struct RunBinding: Hashable, Codable, Sendable {
    /// SHA-256 of the session's salt and the plan's fingerprint, in hexadecimal: the dealer must not guess constants.
    package var fingerprint: String
    /// Runs of a session are numbered: no number comes twice.
    package var run: UInt64
    /// What is read of the kept values, in the plan's order: their numbers in the session, and rows where not all are read.
    package var keptInputs: [KeptRead]
    /// The numbers under which outputs are kept.
    package var keptOutputs: [Int]
    /// Numbers of kept values that were given up since the dealer was asked last.
    package var released: [Int]
    package var use: Use
    /// Levels of the trees that transfers are extended by, where the parties make the correlations; nil where a dealer does.
    package var transferTreeHeight: Int?

    package init(
        fingerprint: String,
        run: UInt64,
        keptInputs: [KeptRead],
        keptOutputs: [Int],
        released: [Int],
        use: Use,
        transferTreeHeight: Int? = nil
    ) {
        self.fingerprint = fingerprint
        self.run = run
        self.keptInputs = keptInputs
        self.keptOutputs = keptOutputs
        self.released = released
        self.use = use
        self.transferTreeHeight = transferTreeHeight
    }

    /// When the run is used.
    package enum Use: Hashable, Codable, Sendable {
        /// As it is dealt, on these operands.
        case now(OperandBinding)
        /// Later: it is one of so many that are dealt ahead, before anybody knows on what.
        case ahead(runs: Int)
    }

    /// Equal bindings have equal bytes.
    func canonicalBytes() throws -> [UInt8] {
        try canonical(self)
    }
}

/// The operands of one run: inputs that owners put in, and public tensors.
package struct OperandBinding: Hashable, Codable, Sendable {
    /// The session's numbers of the inputs.
    package var inputs: [Int]
    /// SHA-256 of the salt and each public operand, in hexadecimal.
    package var plainDigests: [String]
    /// SHA-256 of the salt and what the parties have agreed that the run is for, in hexadecimal; nil where nothing is said.
    package var purpose: String?

    package init(inputs: [Int], plainDigests: [String], purpose: String? = nil) {
        self.inputs = inputs
        self.plainDigests = plainDigests
        self.purpose = purpose
    }

    /// The hash that binds these operands to a run that was dealt without them.
    func hash(onto dealt: [UInt8]) throws -> [UInt8] {
        Array(SHA256.hash(data: dealt + (try canonical(self))))
    }
}

private func canonical(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return Array(try encoder.encode(value))
}

extension Sequence<UInt8> {
    /// Two digits a byte.
    var hexadecimal: String {
        map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
