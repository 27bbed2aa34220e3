package import CrypTenBase
private import Crypto

/// 128 base transfers at a time, of which the sender gets two keys each and the receiver the one that it chooses: from X25519 alone.
///
/// The sender sends `R = r·G` and `Y = y·G`. For each transfer, with choice c, the receiver draws x and z and sends `pk_c = x·G` and
/// `pk_{1−c} = z·R`. The keys are `H(i, y·pk_0)` and `H(i, y·pk_1)`; the receiver knows the chosen one as `H(i, x·Y)`. The other is `z·r·y·G`,
/// a Diffie–Hellman secret of R and Y, of which it knows the one factor z alone.
///
/// The choice is hidden computationally, not perfectly. X25519 clamps scalars, so that x and z reach half of the subgroup's exponents: the
/// discrete logarithm of `pk_c` lies in that half, and the one of `pk_{1−c}` in r times it. Whoever could tell the top bit of a discrete
/// logarithm would learn something of the choice; nobody can who can't take discrete logarithms.
///
/// Nothing branches on a choice: both points are always made, in one order, and exchanged by masks; X25519 itself takes no time by its scalar.
///
/// - Complexity: 64 bytes one way, 8,192 back; three multiplications a transfer at the receiver, two at the sender: 128 take 10 to 60 ms.
/// > Security: Semi-honest; keys are as random as the computational Diffie–Hellman assumption in the random oracle model makes them.
/// > Bellare, Micali, "Non-interactive oblivious transfer and applications", CRYPTO '89, with a second point in place of a sum.
package enum BaseTransfer {
    package static let count = 128
    package static let offerBytes = 2 * pointBytes
    package static let answerBytes = 2 * pointBytes * count
    static let pointBytes = 32

    private typealias PrivateKey = Curve25519.KeyAgreement.PrivateKey
    private typealias PublicKey = Curve25519.KeyAgreement.PublicKey

    /// The side that knows both keys of each transfer.
    package struct Sender: ~Copyable {
        private let secret = Curve25519.KeyAgreement.PrivateKey()
        private let label: [UInt8]
        /// R and Y: what goes to the receiver.
        package let offer: [UInt8]

        /// - Parameter label: The session and the direction, which both sides name alike: keys are bound to it.
        package init(label: [UInt8]) {
            self.label = label
            // r is forgotten: whoever knew r and the receiver's points would know no more than the sender does, and nobody needs it.
            let other = Curve25519.KeyAgreement.PrivateKey()
            offer = Array(other.publicKey.rawRepresentation) + Array(secret.publicKey.rawRepresentation)
        }

        /// Both keys of each transfer: words `4 i ..< 4 i + 4`.
        ///
        /// - Throws: `.malformedFrame` where the answer has another length, or a point of small order.
        package consuming func keys(for answer: [UInt8]) throws(CrypTenError) -> SecretWords {
            guard answer.count == BaseTransfer.answerBytes else {
                throw BaseTransfer.wrongLength(answer.count, of: BaseTransfer.answerBytes)
            }
            let keys = SecretWords(4 * BaseTransfer.count)
            for i in 0..<2 * BaseTransfer.count {
                let point = answer[BaseTransfer.pointBytes * i..<BaseTransfer.pointBytes * (i + 1)]
                let shared = try BaseTransfer.multiply(secret, point)
                BaseTransfer.key(shared, transfer: i / 2, label, offer, to: keys.words + 2 * i)
            }
            return keys
        }
    }

    /// The receiver's part.
    ///
    /// - Parameters:
    ///   - offer: What came from the sender.
    ///   - choices: 128 bits.
    ///   - label: The sender's.
    /// - Returns: The answer, and the chosen keys: words `2 i ..< 2 i + 2`.
    /// - Throws: `.malformedFrame` where the offer has another length, or a point of small order.
    package static func receive(
        _ offer: [UInt8],
        choices: SecretWords,
        label: [UInt8]
    ) throws(CrypTenError) -> (answer: [UInt8], keys: SecretWords) {
        guard offer.count == offerBytes else { throw wrongLength(offer.count, of: offerBytes) }
        let (other, own) = (offer[..<pointBytes], offer[pointBytes...])
        let keys = SecretWords(2 * count)
        let points = SecretWords(answerBytes / 8)
        for i in 0..<count {
            let (x, z) = (PrivateKey(), PrivateKey())
            let place = UnsafeMutableRawBufferPointer(start: points.words + 8 * i, count: 2 * pointBytes)
            place.copyBytes(from: Array(x.publicKey.rawRepresentation))
            try multiply(z, other).withUnsafeBytes { product in
                UnsafeMutableRawBufferPointer(rebasing: place[pointBytes...]).copyMemory(from: product)
            }
            // Made for choice 0, exchanged for choice 1.
            TransferKernels.exchange(points, 8 * i, 8 * i + 4, count: 4, where: choices[i / 64] >> UInt64(i % 64))
            key(try multiply(x, own), transfer: i, label, offer, to: keys.words + 2 * i)
        }
        return (Array(UnsafeRawBufferPointer(start: points.words, count: answerBytes)), keys)
    }

    /// The point times the scalar.
    ///
    /// Scalars are multiples of 8, so that the product with a point of small order, zero among them, is zero, and with no other.
    private static func multiply(_ scalar: PrivateKey, _ point: ArraySlice<UInt8>) throws(CrypTenError) -> SharedSecret
    {
        let product: SharedSecret
        do {
            product = try scalar.sharedSecretFromKeyAgreement(with: PublicKey(rawRepresentation: point))
        } catch {
            throw CrypTenError(
                .malformedFrame,
                "a point of a base transfer can't be used; end the session",
                cause: error
            )
        }
        let bits = product.withUnsafeBytes { $0.reduce(0) { $0 | $1 } }
        guard bits != 0 else {
            throw CrypTenError(
                .malformedFrame,
                "a peer sent a point of small order for a base transfer: whoever sent it would know the keys; end the session"
            )
        }
        return product
    }

    /// Two words that nobody knows without the product.
    private static func key(
        _ shared: SharedSecret,
        transfer: Int,
        _ label: [UInt8],
        _ offer: [UInt8],
        to words: UnsafeMutablePointer<UInt64>
    ) {
        let key = shared.hkdfDerivedSymmetricKey(
            using: SHA256.self,
            salt: Array("crypten base transfer".utf8),
            sharedInfo: [UInt8(transfer)] + offer + label,
            outputByteCount: 16
        )
        key.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: words, count: 16).copyMemory(from: $0) }
    }

    static func wrongLength(_ bytes: Int, of expected: Int) -> CrypTenError {
        CrypTenError(
            .malformedFrame,
            "a message of the transfers' setup has \(bytes) bytes in place of \(expected): the peer runs another version"
        )
    }
}
