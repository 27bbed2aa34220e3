import CrypTenBase

/// The rule for names of members: what a host name may consist of, so that a certificate can hold it as one.
enum MemberName {
    private static let longest = 63

    /// - Throws: `.invalidArgument` for what is no name.
    static func check(_ name: String) throws {
        guard isValid(name) else {
            throw CrypTenError(
                .invalidArgument,
                "\"\(printable(name))\" can't be a member's name: take 1 to \(longest) of the letters a to z, digits, hyphens and "
                    + "points, and begin and end with a letter or digit"
            )
        }
    }

    static func isValid(_ name: String) -> Bool {
        guard (1...longest).contains(name.utf8.count), name != "*" else { return false }
        guard name.utf8.allSatisfy({ isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }) else {
            return false
        }
        return [name.utf8.first, name.utf8.last].allSatisfy { $0.map(isAlphanumeric) == true }
    }

    /// A name for people to read, whoever wrote it into a certificate.
    static func printable(_ name: String) -> String {
        let characters = name.unicodeScalars.prefix(longest).map { scalar in
            scalar.isASCII && scalar.value >= 0x20 && scalar.value < 0x7F && scalar != "\"" ? Character(scalar) : "?"
        }
        return String(characters)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
