import CrypTenBase
package import CrypTenDevice
package import Foundation

/// Profiles in files: JSON, names of fields in snake case.
extension DeviceProfile {
    /// More bytes aren't read.
    private static let mostBytes = 1 << 20

    /// Reads one that `write(to:)` has written, on this machine or another.
    ///
    /// - Throws: `.invalidArgument` with the path, what is wrong, and what to do.
    package init(contentsOf path: String) throws {
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            let data = try file.read(upToCount: Self.mostBytes + 1) ?? Data()
            guard data.count <= Self.mostBytes else {
                throw CrypTenError(.invalidArgument, "it has more than \(Self.mostBytes >> 10) KiB, and is no profile")
            }
            try self.init(json: data)
        } catch let error as CrypTenError {
            throw CrypTenError(.invalidArgument, "\(path) can't be read as a device's profile: \(error.message)")
        } catch {
            throw CrypTenError(.invalidArgument, "\(path) can't be read", cause: error)
        }
    }

    /// - Throws: `.invalidArgument` for what is no profile of this version.
    package init(json data: Data) throws {
        struct Form: Decodable {
            var format: String
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        do {
            // What it is comes first: of another form, nothing else can be said.
            let form = try decoder.decode(Form.self, from: data).format
            guard form == Self.currentFormat else {
                throw CrypTenError(
                    .invalidArgument,
                    "it says that it's \(form), and this version reads \(Self.currentFormat): measure the device again"
                )
            }
            self = try decoder.decode(DeviceProfile.self, from: data)
        } catch let error as DecodingError {
            throw CrypTenError(.invalidArgument, error.reason)
        }
        try check()
    }

    package func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }

    /// Writes it.
    ///
    /// - Throws: `.invalidArgument` where that can't be.
    package func write(to path: String) throws {
        do {
            try json().write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            throw CrypTenError(.invalidArgument, "\(path) can't be written", cause: error)
        }
    }
}

extension DecodingError {
    /// What is wrong, and where, with names as they stand in the file.
    fileprivate var reason: String {
        func place(_ path: [any CodingKey]) -> String {
            path.map(\.stringValue.inSnakeCase).joined(separator: ".")
        }
        switch self {
        case .keyNotFound(let key, let context): return "\(place(context.codingPath + [key])) is missing"
        case .valueNotFound(_, let context): return "\(place(context.codingPath)) is null"
        case .typeMismatch(let type, let context):
            let place = place(context.codingPath)
            return place.isEmpty
                ? "it's no JSON object"
                : "\(place) isn't \(type == Double.self || type == Int.self ? "a number" : "what it must be")"
        case .dataCorrupted(let context):
            let place = place(context.codingPath)
            return place.isEmpty ? "it's no JSON" : "\(place) can't be read"
        @unknown default: return "it can't be decoded"
        }
    }
}

extension String {
    /// "launchSeconds" as "launch_seconds".
    fileprivate var inSnakeCase: String {
        reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : "\($1)" }
    }
}
