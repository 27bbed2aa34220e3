import CrypTenBase
import Crypto
public import Foundation
import SwiftASN1
import X509

extension MemberIdentity {
    /// How many days a certificate is valid where nothing else is said: a year and a month, to be renewed once a year.
    public static let usualDays = 397
    /// The most days.
    public static let mostDays = 3660

    /// Clocks of other machines may be behind by so much.
    private static let clockDifference: TimeInterval = 3600

    /// Draws a key, P-256, and makes a certificate for it: its own, or an authority's.
    ///
    /// - Parameters:
    ///   - name: The member's: letters, digits, hyphens and points, as of a host.
    ///   - days: How long the certificate is valid.
    ///   - authority: Who issues it; nil: itself, and others know it by its fingerprint.
    ///   - date: Now.
    /// - Throws: `.invalidArgument` for what is no name, too many days or none, an authority that is none or ends before.
    public static func create(
        name: String,
        days: Int = MemberIdentity.usualDays,
        authority: MemberIdentity? = nil,
        at date: Date = Date()
    ) throws -> MemberIdentity {
        let key = P256.Signing.PrivateKey()
        return try make(name, days, key, issuer: authority, date) {
            Critical(BasicConstraints.notCertificateAuthority)
            Critical(KeyUsage(digitalSignature: true))
            try ExtendedKeyUsage([.serverAuth, .clientAuth])
            SubjectAlternativeNames([.dnsName(name)])
        }
    }

    /// Draws a key and makes a certificate that may issue those of an organisation's members.
    ///
    /// - Throws: as ``create(name:days:authority:at:)`` does.
    public static func createAuthority(
        name: String,
        days: Int = MemberIdentity.mostDays,
        at date: Date = Date()
    ) throws -> MemberIdentity {
        let key = P256.Signing.PrivateKey()
        return try make(name, days, key, issuer: nil, date) {
            Critical(BasicConstraints.isCertificateAuthority(maxPathLength: 0))
            Critical(KeyUsage(keyCertSign: true))
            SubjectAlternativeNames([.dnsName(name)])
        }
    }

    private static func make(
        _ name: String,
        _ days: Int,
        _ key: P256.Signing.PrivateKey,
        issuer: MemberIdentity?,
        _ date: Date,
        @ExtensionsBuilder extensions: () throws -> Result<Certificate.Extensions, any Error>
    ) throws -> MemberIdentity {
        try MemberName.check(name)
        guard (1...mostDays).contains(days) else {
            throw CrypTenError(.invalidArgument, "a certificate for \(days) days: choose 1 to \(mostDays)")
        }
        // Certificates know whole seconds.
        let begin = Date(timeIntervalSince1970: (date.timeIntervalSince1970 - clockDifference).rounded(.down))
        let end = begin.addingTimeInterval(Double(days) * 24 * 3600 + clockDifference)
        if let issuer {
            guard issuer.certificate.isAuthority else {
                throw CrypTenError(
                    .invalidArgument,
                    "\"\(issuer.certificate.name)\" is no authority: `crypten identity authority` makes one"
                )
            }
            guard end <= issuer.certificate.notAfter else {
                throw CrypTenError(
                    .invalidArgument,
                    "a certificate for \(days) days would outlive its authority \"\(issuer.certificate.name)\", which has "
                        + "\(issuer.certificate.daysLeft(at: date)) days left"
                )
            }
        }
        let privateKey = Certificate.PrivateKey(key)
        let subject = try DistinguishedName { CommonName(name) }
        let certificate = try Certificate(
            version: .v3,
            serialNumber: Certificate.SerialNumber(),
            publicKey: privateKey.publicKey,
            notValidBefore: begin,
            notValidAfter: end,
            issuer: issuer?.certificate.certificate.subject ?? subject,
            subject: subject,
            extensions: try Certificate.Extensions(builder: extensions),
            issuerPrivateKey: issuer?.key ?? privateKey
        )
        var serializer = DER.Serializer()
        try certificate.serialize(into: &serializer)
        return try MemberIdentity(MemberCertificate(der: serializer.serializedBytes), privateKey)
    }

    /// Writes the identity, for this member alone, and its certificate, for everybody; neither file may be there yet.
    ///
    /// - Returns: Both files.
    /// - Throws: `.fileNotReadable` where one can't be made.
    public func write(to folder: URL) throws -> (identity: URL, certificate: URL) {
        let identity = folder.appendingPathComponent("\(certificate.name).identity.pem")
        let open = folder.appendingPathComponent("\(certificate.name).certificate.pem")
        try SecretFile.create(identity, secretPEM)
        do {
            try Data(certificate.pem.utf8).write(to: open, options: .withoutOverwriting)
        } catch {
            throw CrypTenError(.fileNotReadable, "\(open.path) can't be made", cause: error)
        }
        return (identity, open)
    }
}
