import CrypTenService
import CrypTenSharing
import Foundation
import Testing

@Suite("What held a share is overwritten")
struct WipingTests {
    @Test("arrays and bytes become empty, and so does the one place of a request's part, for all who have the request")
    func wiped() throws {
        var words = [UInt64](repeating: 7, count: 100)
        let other = words
        words.wipe()
        #expect(words.isEmpty && other.allSatisfy { $0 == 7 })
        var bytes = Data(repeating: 7, count: 100)
        bytes.wipe()
        #expect(bytes.isEmpty)
        for part in [
            InferenceRequest.Part.words([[1, 2], [3]]),
            .seed(try #require(ShareSeed(bytes: .init(repeating: 9, count: 32)))),
        ] {
            let share = RequestShare(part)
            let copy = share
            let inputs = [InferenceRequest.Input(name: "a", shape: [2]), InferenceRequest.Input(name: "b", shape: [1])]
            var read: [Int] = []
            try copy.withWords(of: inputs, making: { _, input in [UInt64](repeating: 5, count: input.count) }) {
                read.append($1.count * 10 + $0)
            }
            #expect(read == [20, 11])
            share.wipe()
            #expect(copy.isEmpty)
            try copy.withWords(of: inputs, making: { _, _ in [1] }) { _, _ in Issue.record("there is nothing left") }
        }
    }
}
