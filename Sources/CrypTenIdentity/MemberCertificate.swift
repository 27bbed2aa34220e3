import CrypTenBase
import Crypto
public import Foundation
import SwiftASN1
import X509

/// A member's certificate, which everybody may read: a name, a public key, and from when to when it holds.
public struct MemberCertificate: Hashable, Sendable {
    /// How long before its end a certificate is warned of.
    package static let warning: TimeInterval = 30 * 24 * 3600

    /// The member's name.
    public let name: String
    /// What it is known by.
    public let fingerprint: Fingerprint
    /// From when on it is valid.
    public let notBefore: Date
    /// Until when it is valid.
    public let notAfter: Date

    /// All names that it holds.
    let names: [String]
    /// As it came.
    package let der: [UInt8]
    let certificate: Certificate

    /// Reads a certificate in DER form.
    ///
    /// - Throws: `.malformedFile` for anything else.
    package init(der: [UInt8]) throws {
        do {
            certificate = try Certificate(derEncoded: der)
        } catch {
            throw CrypTenError(.malformedFile, "what should be a certificate can't be read", cause: error)
        }
        self.der = der
        fingerprint = Fingerprint(of: der)
        notBefore = certificate.notValidBefore
        notAfter = certificate.notValidAfter
        // An extension that can't be read gives no name.
        let alternatives = (try? certificate.extensions.subjectAlternativeNames) ?? SubjectAlternativeNames()
        names = alternatives.compactMap { name in
            if case .dnsName(let text) = name { text } else { nil }
        }
        name = MemberName.printable(names.first ?? "\(certificate.subject)")
    }

    /// Reads the first certificate of a PEM text.
    ///
    /// - Throws: `.malformedFile` for a text without one.
    public init(pem: String) throws {
        let documents = try PEMText.documents(pem)
        guard let document = documents.first(where: { $0.discriminator == PEMText.certificate }) else {
            throw CrypTenError(
                .malformedFile,
                "there is no certificate in it: a PEM text begins with BEGIN CERTIFICATE"
            )
        }
        try self.init(der: document.derBytes)
    }

    /// Reads a certificate from a file, one that holds its key as well or not.
    ///
    /// - Throws: `.fileNotReadable`, or `.malformedFile` for a file that holds none.
    public init(contentsOf url: URL) throws {
        let text = try PEMText.read(url)
        do {
            try self.init(pem: text)
        } catch let error as CrypTenError {
            throw CrypTenError(error.code, "\(url.path): \(error.message)", cause: error.cause)
        }
    }

    /// The PEM form, to be handed to everybody.
    public var pem: String {
        PEMDocument(type: PEMText.certificate, derBytes: der).pemString + "\n"
    }

    /// Whether it may be used at a moment.
    public func isValid(at date: Date) -> Bool {
        notBefore <= date && date <= notAfter
    }

    /// How many days are left, counted down; negative once it has expired.
    public func daysLeft(at date: Date) -> Int {
        Int((notAfter.timeIntervalSince(date) / (24 * 3600)).rounded(.down))
    }

    /// Whether its end is so near that its owner is told.
    package func isNearItsEnd(at date: Date) -> Bool {
        notAfter.timeIntervalSince(date) < MemberCertificate.warning
    }

    /// Whether this certificate may issue others.
    package var isAuthority: Bool {
        guard case .isCertificateAuthority = try? certificate.extensions.basicConstraints else { return false }
        // Where the use of the key is said at all, signing certificates must be among it.
        guard let usage = try? certificate.extensions.keyUsage else { return true }
        return usage.keyCertSign
    }

    /// Whether an authority has issued this certificate itself: there is none in between.
    func isIssued(by authority: MemberCertificate, at date: Date) -> Bool {
        guard authority.isAuthority, authority.isValid(at: date), !isAuthority else { return false }
        guard certificate.issuer == authority.certificate.subject else { return false }
        guard certificate.extensions.allSatisfy({ !$0.critical || MemberCertificate.understood.contains($0.oid) })
        else {
            return false
        }
        return authority.certificate.publicKey.isValidSignature(certificate.signature, for: certificate)
    }

    /// Critical extensions whose meaning is kept: who doesn't know one must refuse the certificate. RFC 5280, section 4.2.
    private static let understood: Set<ASN1ObjectIdentifier> = [
        .X509ExtensionID.basicConstraints, .X509ExtensionID.keyUsage, .X509ExtensionID.subjectAlternativeName,
        .X509ExtensionID.extendedKeyUsage,
    ]

    /// Whether TLS can be spoken with its key here.
    var hasUsableKey: Bool {
        P256.Signing.PublicKey(certificate.publicKey) != nil || P384.Signing.PublicKey(certificate.publicKey) != nil
    }
}

/// Texts in PEM form.
enum PEMText {
    static let certificate = "CERTIFICATE"
    /// More isn't read: it would be another file by mistake.
    private static let mostBytes = 1 << 16

    /// The documents of a text, in order.
    ///
    /// - Throws: `.malformedFile` for what is no PEM text.
    static func documents(_ text: String) throws -> [PEMDocument] {
        do {
            return try PEMDocument.parseMultiple(pemString: text)
        } catch {
            // Not the cause: it may quote the text, and that may hold a key.
            throw CrypTenError(.malformedFile, "it isn't in PEM form: a text that begins with -----BEGIN")
        }
    }

    /// The text of a file that may be read by everybody.
    static func read(_ url: URL) throws -> String {
        let bytes: Data
        do {
            bytes = try Data(contentsOf: url)
        } catch {
            throw CrypTenError(.fileNotReadable, "\(url.path) can't be read", cause: error)
        }
        guard bytes.count <= mostBytes else {
            throw CrypTenError(
                .malformedFile,
                "\(url.path) has \(bytes.count) bytes; a certificate has \(mostBytes) at most"
            )
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
