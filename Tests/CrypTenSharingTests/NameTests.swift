import CrypTenSharing
import Testing

@Suite("Names of 16 bytes")
struct NameTests {
    @Test("are written as 32 digits in lower case, and read in either")
    func text() throws {
        let id = try #require(RequestID("000102030405060708090A0B0C0D0EFF"))
        #expect(id.description == "000102030405060708090a0b0c0d0eff")
        #expect(id.bytes == Array(0...14) + [255])
        #expect(RequestID(bytes: id.bytes) == id)
        #expect(Epoch(id.description)?.bytes == id.bytes)
    }

    @Test(
        "are nothing else",
        arguments: [
            "", "0", "000102030405060708090a0b0c0d0e", "000102030405060708090a0b0c0d0e0f0",
            "000102030405060708090a0b0c0d0e0g",
            "0x0102030405060708090a0b0c0d0e0f", "000102030405060708090a0b0c0d0e0é", "+00102030405060708090a0b0c0d0e0f",
        ]
    )
    func refused(text: String) {
        #expect(RequestID(text) == nil)
        #expect(Epoch(text) == nil)
    }

    @Test("are drawn anew each time")
    func random() {
        #expect(Set((0..<1000).map { _ in RequestID.random() }).count == 1000)
        #expect(RequestID(bytes: [1, 2, 3]) == nil)
    }
}
