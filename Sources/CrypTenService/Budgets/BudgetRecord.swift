import Crypto
import Foundation

/// One line of a budget's file: how many rows a client has taken of a model.
///
/// `CHECK ROWS CLIENT MODEL`, with names percent-encoded, and the first 8 bytes of the SHA-256 of all that follows them as a check. No
/// beginning of a line is a line, so what was being written when a machine failed is seen.
struct BudgetRecord: Hashable, Sendable {
    /// Whose rows, and of what.
    struct Account: Hashable, Sendable {
        var client: String
        var model: String
    }

    /// What stands at the end of a line that was torn: it is passed over.
    static let tornMark = " ~"

    var account: Account
    var rows: Int

    /// The line, without its end.
    var line: String {
        let content = "\(rows) \(BudgetRecord.encode(account.client)) \(BudgetRecord.encode(account.model))"
        return "\(BudgetRecord.check(content)) \(content)"
    }

    init(_ account: Account, rows: Int) {
        self.account = account
        self.rows = rows
    }

    /// Reads a line, without its end; nil for any other text.
    init?(line: Substring) {
        let fields = line.split(separator: " ", omittingEmptySubsequences: false)
        guard fields.count == 4, let rows = Int(fields[1]), rows > 0,
            let client = BudgetRecord.decode(fields[2]), let model = BudgetRecord.decode(fields[3])
        else { return nil }
        account = Account(client: client, model: model)
        self.rows = rows
        guard self.line == line else { return nil }
    }

    private static func check(_ content: String) -> String {
        SHA256.hash(data: Data(content.utf8)).prefix(8)
            .map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Letters, digits, `-`, `.` and `_` are themselves, every other byte `%` and two digits.
    private static func encode(_ name: String) -> String {
        name.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
                String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }.joined()
    }

    private static func decode(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
