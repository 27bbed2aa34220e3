import CrypTenBase
import Crypto
import Foundation

/// What a certificate is known by: the SHA-256 of its DER form, which `openssl x509 -fingerprint -sha256` prints, too.
///
/// Two people read it to each other over the telephone: 16 groups of four hexadecimal digits.
public struct Fingerprint: Hashable, Sendable, CustomStringConvertible {
    /// How many bytes there are.
    static let size = 32

    package let bytes: [UInt8]

    /// The fingerprint of a certificate's DER form.
    package init(of der: [UInt8]) {
        bytes = Array(SHA256.hash(data: der))
    }

    /// Reads 64 hexadecimal digits; hyphens, colons and spaces between them say nothing.
    ///
    /// - Throws: `.invalidArgument` for anything else.
    public init(_ text: String) throws {
        let digits = text.filter { !"-: ".contains($0) }.map(\.hexDigitValue)
        guard digits.count == 2 * Fingerprint.size, !digits.contains(nil) else {
            throw CrypTenError(
                .invalidArgument,
                "\"\(text.prefix(100))\" is no fingerprint: write its 64 hexadecimal digits, as `crypten identity show` prints them"
            )
        }
        bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0]! << 4 | digits[$0 + 1]!) }
    }

    /// The digits in groups of four, with hyphens in between.
    public var description: String {
        stride(from: 0, to: Fingerprint.size, by: 2)
            .map { Fingerprint.hexadecimal(bytes[$0]) + Fingerprint.hexadecimal(bytes[$0 + 1]) }
            .joined(separator: "-")
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}
