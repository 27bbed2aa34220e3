import Foundation
import Synchronization
import _CrypTenONNXTestSupport

/// What the bytes of an input say: a model of one operator, fraction bits, and some of its numbers replaced.
///
/// Two bytes choose the model, one the fraction bits. Each further change is a byte for the place, one for the position there
/// and one for the number: of the list of extreme ones, or what the next eight bytes are.
struct ExtremeInput: CustomStringConvertible {
    let model: ExtremeModel
    let fractionBits: Int
    private(set) var changes: [ExtremeModel.Change] = []

    private static let mostChanges = 4

    /// All models, in the order of their numbers.
    static let models: [ExtremeModel] = {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("Tests/CrypTenONNXTests/Fixtures")
        func models(in file: String) throws -> [ExtremeModel] {
            try OperatorCase.read(from: folder.appendingPathComponent(file)).map { try ExtremeModel($0) }
        }
        do {
            return try models(in: "operators.json") + ExtremeModel.singles + models(in: "runtime.json")
        } catch {
            fatalError("\(folder.path) holds the operators, and can't be read: \(error)")
        }
    }()

    /// Of each model, found when it is first asked for.
    private static let places = Mutex([[ExtremeModel.Place]?](repeating: nil, count: models.count))

    private static func places(ofModel number: Int) -> [ExtremeModel.Place] {
        if let known = places.withLock({ $0[number] }) { return known }
        let found = models[number].places
        places.withLock { $0[number] = found }
        return found
    }

    /// Nil where there are too few bytes to choose a model.
    init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        var rest = bytes[...]
        func next() -> Int? { rest.popFirst().map { Int($0) } }
        guard let low = next(), let high = next(), let bits = next() else { return nil }
        let number = (low | high << 8) % Self.models.count
        model = Self.models[number]
        fractionBits = 4 + bits % 25
        let places = Self.places(ofModel: number)
        guard !places.isEmpty else { return }
        while changes.count < Self.mostChanges, let choice = next(), let position = next(), let selector = next() {
            let place = places[choice % places.count]
            let value: ExtremeModel.Value
            if selector < 128 {
                value = ExtremeModel.Value(
                    real: ExtremeModel.floats[selector % ExtremeModel.floats.count],
                    whole: ExtremeModel.integers[selector % ExtremeModel.integers.count]
                )
            } else {
                let word = (0..<8).reduce(UInt64(0)) { word, byte in word | UInt64(next() ?? 0) << (8 * byte) }
                value = ExtremeModel.Value(
                    real: Float(bitPattern: UInt32(truncatingIfNeeded: word)),
                    whole: Int64(bitPattern: word)
                )
            }
            let numbers = model.replacement(
                at: place,
                with: value,
                position: position < 128 ? position : nil,
                absent: 1 + position % 6
            )
            changes.append((place, numbers))
        }
    }

    /// The bytes that change a model's first places, each to another of the extreme numbers.
    static func bytes(model number: Int) -> Data {
        let places = places(ofModel: number)
        var bytes: [UInt8] = [UInt8(number & 0xff), UInt8(number >> 8), 12]
        for place in places.indices.prefix(mostChanges) {
            bytes += [UInt8(place), place % 2 == 0 ? 0 : 128, UInt8((number * 7 + place * 3) % 128)]
        }
        return Data(bytes)
    }

    var description: String {
        "\(model.name), \(fractionBits) fraction bits: "
            + changes.map { "\($0.place) \($0.numbers)" }.joined(separator: ", ")
    }
}
