import CrypTenSharing
import Foundation
import Testing

@Suite("Refusals")
struct DoorRefusalTests {
    @Test("have the statuses of the table, and four of them may be asked anew")
    func table() {
        let statuses = Dictionary(uniqueKeysWithValues: DoorRefusal.Code.allCases.map { ($0.rawValue, $0.status) })
        #expect(
            statuses == [
                "malformed": 400, "needs_shares": 400, "sharing_version": 400, "unauthorized": 401, "forbidden": 403,
                "not_found": 404, "too_slow": 408, "epoch": 409, "duplicate": 409, "mismatch": 409, "too_large": 413,
                "budget": 429, "busy": 503, "restarting": 503, "incomplete": 504,
            ]
        )
        #expect(
            Set(DoorRefusal.Code.allCases.filter(\.mayAskAnew)) == [.epoch, .restarting, .incomplete, .busy]
        )
    }

    @Test("are read as they were written", arguments: DoorRefusal.Code.allCases)
    func body(code: DoorRefusal.Code) throws {
        let refusal = DoorRefusal(code, "a \"sentence\"/\u{e9}")
        #expect(
            String(decoding: refusal.body, as: UTF8.self)
                == #"{"crypten_code":"\#(code.rawValue)","error":"a \"sentence\"/é"}"#
        )
        #expect(DoorRefusal(body: refusal.body) == refusal)
    }

    @Test("of another end are bounded and printable, and nothing else is one")
    func hostile() {
        #expect(DoorRefusal(body: Data()) == nil)
        #expect(DoorRefusal(body: Data(#"{"error": "x"}"#.utf8)) == nil)
        #expect(DoorRefusal(body: Data(#"{"error": "x", "crypten_code": "nonsense"}"#.utf8)) == nil)
        #expect(DoorRefusal(body: Data(repeating: 0x20, count: 1 << 17)) == nil)
        let long = DoorRefusal(.busy, "a\u{1B}[31m\n" + String(repeating: "x", count: 5000))
        let read = DoorRefusal(body: long.body)
        #expect(read?.message.count == 500)
        #expect(read?.message.hasPrefix("a [31m xxx") == true)
    }
}
