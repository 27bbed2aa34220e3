public import CrypTen
import Foundation

/// What a program found that must not be: ends it with exit status 1.
public struct Failure: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}

/// Ends the program unless something holds.
public func require(_ holds: Bool, _ message: @autoclosure () -> String) throws {
    if !holds { throw Failure(message()) }
}

/// What all parties of a run have spent, in one line.
///
/// - Parameter spent: Of each party, in their order.
public func summary(of spent: [SessionStatistics]) -> String {
    let sent = spent.map { bytes($0.onlineBytes + $0.setupBytes) }.joined(separator: ", ")
    return
        "\(spent.map(\.rounds).max() ?? 0) rounds in \(spent.map(\.runs).max() ?? 0) runs of \(spent.map(\.plans).max() ?? 0) plans; "
        + "sent by each party: \(sent); dealt: \(bytes(spent.map(\.dealerBytes).max() ?? 0)); "
        + "\(fixed(spent.map(\.seconds).max() ?? 0, 2)) s"
}

/// A number of bytes as it is read.
public func bytes(_ count: Int) -> String {
    count < 10_000
        ? "\(count) B"
        : count < 10_000_000 ? "\(fixed(Double(count) / 1e3, 1)) kB" : "\(fixed(Double(count) / 1e6, 1)) MB"
}

/// A number with so many digits after the point.
public func fixed(_ number: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", number)
}

/// A part of a whole, in percent.
public func percent(_ part: Double) -> String { fixed(part * 100, 1) + " %" }

/// A row of a table, each cell as wide as its heading and two more.
public func row(_ cells: [String], under headings: [String]) -> String {
    zip(cells, headings).map { cell, heading in
        String(repeating: " ", count: max(0, heading.count + 2 - cell.count)) + cell
    }.joined()
}
