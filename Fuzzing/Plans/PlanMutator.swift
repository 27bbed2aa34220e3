import Foundation

@_silgen_name("LLVMFuzzerMutate")
private func mutateBytes(_ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int, _ room: Int) -> Int

/// Changes plans as trees, so that what comes out is read: most changes of bytes would break the JSON.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutatePlan(_ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int, _ room: Int, _ seed: UInt32) -> Int {
    var random = MutationSource(state: UInt64(seed))
    let data = Data(UnsafeBufferPointer(start: bytes, count: count))
    guard random.next() % 8 > 0, let tree = try? JSONDecoder().decode(JSONTree.self, from: data) else {
        return mutateBytes(bytes, count, room)
    }
    var changed = tree
    for _ in 0...random.next() % 3 { changed = changed.mutated(&random) }
    guard let out = try? JSONEncoder().encode(changed), out.count <= room else {
        return mutateBytes(bytes, count, room)
    }
    _ = out.copyBytes(to: UnsafeMutableBufferPointer(start: bytes, count: room))
    return out.count
}

/// Numbers that follow from libFuzzer's seed.
struct MutationSource {
    var state: UInt64

    mutating func next() -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33)
    }
}

/// A JSON document.
indirect enum JSONTree: Codable {
    case null
    case bool(Bool)
    case number(Int)
    case large(UInt64)
    case text(String)
    case list([JSONTree])
    case object([String: JSONTree])

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Int.self) {
            self = .number(value)
        } else if let value = try? container.decode(UInt64.self) {
            self = .large(value)
        } else if let value = try? container.decode(String.self) {
            self = .text(value)
        } else if let value = try? container.decode([JSONTree].self) {
            self = .list(value)
        } else {
            self = .object(try container.decode([String: JSONTree].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .large(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        case .list(let values): try container.encode(values)
        case .object(let values): try container.encode(values)
        }
    }

    private static let numbers = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 31, 32, 33, 61, 62, 63, 64, 65, 100, 127, 128, 1000, 1023, 1024, 1 << 14,
        1 << 15,
        1 << 16, 1 << 20, 1 << 30, 1 << 31, 1 << 32, 1 << 40, 1 << 41, 1 << 50, 1 << 62, .max, .min, -1, -2, -64,
    ]

    /// One node changed, found by going down at random.
    func mutated(_ random: inout MutationSource) -> JSONTree {
        switch self {
        case .list(var values):
            if values.isEmpty { return random.next() % 2 == 0 ? .list([.number(random.next() % 4)]) : self }
            let place = random.next() % values.count
            switch random.next() % 12 {
            case 0: values.insert(values[place], at: place)
            case 1: values.remove(at: place)
            case 2: values.swapAt(place, random.next() % values.count)
            case 3: values[place] = values[random.next() % values.count]
            default: values[place] = values[place].mutated(&random)
            }
            return .list(values)
        case .object(var values):
            let keys = values.keys.sorted()
            if keys.isEmpty { return self }
            let key = keys[random.next() % keys.count]
            switch random.next() % 24 {
            case 0: values[key] = nil
            case 1: values[key] = values[keys[random.next() % keys.count]]
            default: values[key] = values[key]!.mutated(&random)
            }
            return .object(values)
        case .number(let value):
            switch random.next() % 4 {
            case 0: return .number(value &+ 1)
            case 1: return .number(value &- 1)
            case 2: return .number(random.next() % 8)
            default: return .number(JSONTree.numbers[random.next() % JSONTree.numbers.count])
            }
        case .large: return .number(random.next())
        case .bool(let value): return .bool(!value)
        case .null: return .number(random.next() % 4)
        case .text: return self
        }
    }
}
