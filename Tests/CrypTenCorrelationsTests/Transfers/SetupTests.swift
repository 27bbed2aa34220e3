import CrypTenBase
import CrypTenCorrelations
import CrypTenRing
import Testing

@Suite("Setup of transfers")
struct SetupTests {
    private let label = Array("session 1, 0 to 1".utf8)

    @Test("the receiver of a base transfer has the key that it chose, and not the other")
    func bothChoices() throws {
        let sender = BaseTransfer.Sender(label: label)
        let choices = SecretWords([0x0123_4567_89AB_CDEF, 0xFFFF_0000_AAAA_5555])
        let (answer, chosen) = try BaseTransfer.receive(sender.offer, choices: choices, label: label)
        #expect(answer.count == BaseTransfer.answerBytes)
        let keys = try sender.keys(for: answer)
        for i in 0..<128 {
            let choice = Int(choices[i / 64] >> UInt64(i % 64) & 1)
            let key = [chosen[2 * i], chosen[2 * i + 1]]
            #expect(key == [keys[4 * i + 2 * choice], keys[4 * i + 2 * choice + 1]], "transfer \(i)")
            #expect(key != [keys[4 * i + 2 - 2 * choice], keys[4 * i + 3 - 2 * choice]], "transfer \(i)")
        }
        #expect(Set(stride(from: 0, to: 512, by: 2).map { [keys[$0], keys[$0 + 1]] }).count == 256)
    }

    @Test("keys are bound to the session and the direction")
    func bound() throws {
        let sender = BaseTransfer.Sender(label: label)
        let (answer, chosen) = try BaseTransfer.receive(sender.offer, choices: SecretWords(2), label: label + [0])
        let keys = try sender.keys(for: answer)
        #expect(!(0..<128).contains { chosen[2 * $0] == keys[4 * $0] })
    }

    /// All encodings of points of small order, of the curve and of its twist, little endian, also those above the prime.
    private static let smallOrder: [[UInt8]] = {
        func hex(_ text: String) -> [UInt8] {
            stride(from: 0, to: text.utf8.count, by: 2).map { start in
                let digits = text.dropFirst(start).prefix(2)
                return UInt8(digits, radix: 16)!
            }
        }
        let ff = String(repeating: "ff", count: 30)
        return [
            String(repeating: "00", count: 32), "01" + String(repeating: "00", count: 31),
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ec" + ff + "7f", "ed" + ff + "7f", "ee" + ff + "7f",
        ].map(hex)
    }()

    @Test("points of small order are refused, wherever they stand", arguments: 0..<7)
    func smallOrder(index: Int) throws {
        let point = SetupTests.smallOrder[index]
        let offer = BaseTransfer.Sender(label: label).offer
        for place in [0, 32] {
            var broken = offer
            broken.replaceSubrange(place..<place + 32, with: point)
            #expect { try BaseTransfer.receive(broken, choices: SecretWords(2), label: label) } throws: {
                code($0) == .malformedFrame && "\($0)".contains("small order")
            }
        }
        for place in [0, 32, 64 * 127 + 32] {
            let sender = BaseTransfer.Sender(label: label)
            var (answer, _) = try BaseTransfer.receive(sender.offer, choices: SecretWords(2), label: label)
            answer.replaceSubrange(place..<place + 32, with: point)
            do {
                _ = try sender.keys(for: answer)
                Issue.record("a point of small order at byte \(place) was taken")
            } catch {
                #expect(error.code == .malformedFrame && error.message.contains("small order"))
            }
        }
    }

    @Test("messages of other lengths are refused")
    func lengths() throws {
        let kernels = TransferKernels(NativeKernels(threads: 1))
        for count in [0, 63, 65] {
            #expect {
                try BaseTransfer.receive([UInt8](repeating: 9, count: count), choices: SecretWords(2), label: [])
            } throws: {
                code($0) == .malformedFrame
            }
        }
        for count in [0, BaseTransfer.answerBytes - 1, BaseTransfer.answerBytes + 1] {
            let setup = TransferReceiverSetup(label: label, height: .two, kernels: kernels)
            do {
                _ = try setup.finish([UInt8](repeating: 9, count: count))
                Issue.record("an answer of \(count) bytes was taken")
            } catch {
                #expect(error.code == .malformedFrame)
            }
        }
        let setup = TransferReceiverSetup(label: label, height: .two, kernels: kernels)
        let sender = try TransferSenderSetup(offer: setup.offer, label: label, height: .two, kernels: kernels)
        do {
            _ = try sender.finish([1, 2, 3])
            Issue.record("trees of three bytes were taken")
        } catch {
            #expect(error.code == .malformedFrame)
        }
    }

    @Test(
        "the sender has all leaves of a tree but one, and which one is 128 bits that it drew",
        arguments: TreeHeight.allCases
    )
    func punctured(height: TreeHeight) throws {
        let kernels = TransferKernels(NativeKernels(threads: 1))
        let setup = TransferReceiverSetup(label: label, height: height, kernels: kernels)
        let offered = setup.offer.count
        let answered = try TransferSenderSetup(offer: setup.offer, label: label, height: height, kernels: kernels)
        let bytes = answered.answer.count
        let (trees, receiver) = try setup.finish(answered.answer)
        let sender = try answered.finish(trees)
        #expect(offered == 64 && bytes == 8_192 && trees.count == 4_096)
        let (all, some) = (receiver.currentLeaves.elements, sender.currentLeaves.elements)
        let leaf = { (words: [UInt64], i: Int) in [words[2 * i], words[2 * i + 1]] }
        #expect(Set((0..<height.leaves).map { leaf(all, $0) }).count == height.leaves)
        var paths: [Int] = []
        for tree in 0..<height.trees {
            let first = tree * height.leavesOfTree
            #expect(leaf(some, first) == [0, 0])
            // Where the others' leaf 1 is says what the places are turned by.
            let path =
                try #require((0..<height.leavesOfTree).first { leaf(all, first + $0) == leaf(some, first + 1) }) ^ 1
            paths.append(path)
            for place in 1..<height.leavesOfTree {
                #expect(leaf(some, first + place) == leaf(all, first + (place ^ path)))
            }
        }
        #expect(Set(paths).count > 1)
    }

    @Test("a session that was set up transfers words", arguments: TreeHeight.allCases)
    func whole(height: TreeHeight) throws {
        let kernels = TransferKernels(NativeKernels(threads: 2))
        let setup = TransferReceiverSetup(label: label, height: height, kernels: kernels)
        let answered = try TransferSenderSetup(offer: setup.offer, label: label, height: height, kernels: kernels)
        let (trees, receiver) = try setup.finish(answered.answer)
        let sender = try answered.finish(trees)
        for run in 0..<3 {
            let (sending, receiving) = (sender.run([UInt8(run)]), receiver.run([UInt8(run)]))
            for count in [100, 5_000] {
                let choices = Numbers.planesOf(2, count: count, seed: UInt64(run))
                let (message, received) = try receiving.extend(choices)
                let sent = try sending.absorb(message, planes: 2, count: count)
                let words = Numbers.wordsOf(count, seed: 9)
                let (masked, own) = try sent.choice(1).times(RingTensor(words, shape: [count]))
                let other = try received.choice(1).times(masked)
                let bits = choices.bits(ofPlane: 1)
                #expect(zip(own.elements, other.elements).map { $0 &+ $1 } == zip(bits, words).map { $0 ? $1 : 0 })
            }
        }
    }
}
