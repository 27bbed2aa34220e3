package import Crypto

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A key that moves forward: from the key of one moment nothing of an earlier one follows.
///
/// Each step replaces the key by an HKDF expansion of itself, and what is derived from a key has other labels than the step. So
/// whoever reads a member's memory gets the keys of what is to come, and none of what is over.
///
/// > Bellare, Yee, "Forward-Security in Private-Key Cryptography", CT-RSA '03: a forward-secure generator from a pseudo-random one.
package struct KeyChain: Sendable {
    private var key: SymmetricKey

    /// A chain that begins with a key which nothing else uses.
    package init(_ key: SymmetricKey) {
        self.key = key
    }

    /// A key for one purpose at this moment.
    package func derive(_ label: String) -> SymmetricKey {
        HKDF<SHA256>.expand(pseudoRandomKey: key, info: Array(label.utf8), outputByteCount: 32)
    }

    /// Replaces the key by the next one; the old one is wiped.
    package mutating func moveForward() {
        key = derive("crypten next key")
    }
}

/// The keys of one direction of a connection, run by run.
///
/// The sender moves it forward at the end of each run and says in every frame's header how often it has; the receiver follows.
package struct FrameKeyChain: Sendable {
    /// How far a receiver follows at once: a member that only shows that it lives meanwhile doesn't make more runs than this.
    private static let longestStride: UInt32 = 1 << 17

    /// How often the key has moved.
    package private(set) var epoch: UInt32 = 0
    private var chain: KeyChain
    /// What protects the frames of this moment.
    package private(set) var cipher: FrameCipher

    /// The keys of a direction that begins.
    package init(_ key: SymmetricKey) {
        chain = KeyChain(key)
        cipher = FrameKeyChain.cipher(chain)
    }

    private static func cipher(_ chain: KeyChain) -> FrameCipher {
        FrameCipher(key: chain.derive("crypten frames"))
    }

    /// One step.
    package mutating func moveForward() {
        self = moved(by: 1)
    }

    /// The keys of the moment that a frame names; nil for one that is over, or too far ahead.
    package func moved(to epoch: UInt32) -> FrameKeyChain? {
        let steps = epoch &- self.epoch
        return steps <= FrameKeyChain.longestStride ? moved(by: steps) : nil
    }

    private func moved(by steps: UInt32) -> FrameKeyChain {
        guard steps > 0 else { return self }
        var moved = self
        for _ in 0..<steps { moved.chain.moveForward() }
        moved.epoch &+= steps
        moved.cipher = FrameKeyChain.cipher(moved.chain)
        return moved
    }
}
