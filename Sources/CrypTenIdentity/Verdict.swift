package import CrypTenBase
package import Foundation

/// What a member makes of the certificate that another one shows; the raw value is the number on the wire.
package enum Verdict: UInt8, Sendable, CaseIterable {
    case admitted = 0
    /// None was shown.
    case missing = 1
    /// It is no member's.
    case unknown = 2
    case expired = 3
    case notYetValid = 4
    /// Its fingerprint is on the list of those that are no longer taken.
    case revoked = 5
    /// It is that of another member than its holder says it is.
    case anothers = 6

    /// What the member that was refused throws: what it was told, and what to do.
    ///
    /// - Parameters:
    ///   - place: Who has refused it, and where that is.
    ///   - role: Whom the refused member wants to be.
    ///   - own: The certificate that it has shown.
    package func told(by place: String, to role: Role, showing own: MemberCertificate) -> CrypTenError {
        let it = "the certificate that this member shows as \(role)"
        let remedy = "make another one (crypten identity create), and read its fingerprint to the others"
        let reason =
            switch self {
            case .admitted: "though it has admitted \(role)"
            case .missing: "it has seen no certificate of this member, \(role): give it an identity (--identity FILE)"
            case .unknown:
                "it doesn't know \(it): read \(own.fingerprint) to its owner, who gives it as --peer-identity "
                    + "\(role.option)=FINGERPRINT"
            case .expired: "\(it) has expired by its clock; it ends on \(own.notAfter.day): \(remedy)"
            case .notYetValid:
                "\(it) isn't valid yet by its clock; it begins on \(own.notBefore.day): compare the clocks of both machines"
            case .revoked: "it no longer takes \(it), \(own.fingerprint), which is revoked there: \(remedy)"
            case .anothers:
                "\(it) is another member's there: compare --identity here with --peer-identity there"
            }
        return CrypTenError(
            .identityRefused,
            "\(place) refused the connection: \(reason)",
            telling: Disclosure(.identity, about: nil)
        )
    }
}

/// A verdict with the certificate that it is about.
package struct Judgement: Sendable {
    package var verdict: Verdict
    /// What was shown; nil where it was nothing, or unreadable.
    package var certificate: MemberCertificate?
    /// Whose it is, where it is another member's.
    var owner: Role?

    /// What the member that refuses logs, or throws: who it was, what is wrong, and what to do.
    ///
    /// - Parameters:
    ///   - place: Who has shown it, and from where.
    ///   - role: Whom that is to be.
    package func refusal(of place: String, as role: Role, at date: Date) -> CrypTenError {
        let shown = certificate.map { "\"\($0.name)\", \($0.fingerprint)" } ?? "nothing that can be read"
        let reason =
            switch verdict {
            case .admitted: "is admitted"
            case .missing: "shows no certificate: every member needs an identity (--identity FILE)"
            case .unknown:
                "shows a certificate that isn't known, \(shown): compare it with its owner by telephone, and give it as "
                    + "--peer-identity \(role.option)=FINGERPRINT if it is the same"
            case .expired:
                "shows a certificate that expired on \(certificate?.notAfter.day ?? ""), \(shown): its owner makes another one "
                    + "(crypten identity create), and reads its fingerprint to the others"
            case .notYetValid:
                "shows a certificate that begins on \(certificate?.notBefore.day ?? ""), \(shown): compare the clocks; it is "
                    + "\(date.day) here"
            case .revoked: "shows a certificate that is revoked here, \(shown)"
            case .anothers:
                "shows the certificate of \(owner.map { "\($0)" } ?? "another member"), \(shown): compare the addresses, and "
                    + "which --identity each member has"
            }
        return CrypTenError(
            .identityRefused,
            "\(place) \(reason)",
            telling: Disclosure(.identity, about: role)
        )
    }
}

extension Role {
    /// How options name this member.
    package var option: String {
        switch self {
        case .party(let party): "\(party.index)"
        case .dealer: "dealer"
        }
    }
}

extension Date {
    /// The day and the time in UTC, as 2030-01-31 09:05 UTC.
    package var day: String {
        let parts = Calendar.gregorianInUTC.dateComponents([.year, .month, .day, .hour, .minute], from: self)
        func padded(_ number: Int?) -> String {
            let text = "\(number ?? 0)"
            return text.count < 2 ? "0" + text : text
        }
        return
            "\(parts.year ?? 0)-\(padded(parts.month))-\(padded(parts.day)) \(padded(parts.hour)):\(padded(parts.minute)) UTC"
    }
}

extension Calendar {
    fileprivate static let gregorianInUTC: Calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(secondsFromGMT: 0) ?? calendar.timeZone
        return calendar
    }()
}
