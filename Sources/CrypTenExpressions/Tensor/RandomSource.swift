/// Who draws random numbers, and so who knows them.
public enum RandomSource: Hashable, Sendable {
    /// The parties and the dealer, from keys that they share: no party knows the numbers, the dealer does.
    ///
    /// They cost next to nothing. Once something is published that they were to hide, the dealer sees through it: of x plus
    /// noise it knows the noise, of shuffled rows their order.
    case dealer
    /// The parties alone, each from its own system's generator: nobody knows the numbers, as long as one party tells nobody
    /// what it has drawn.
    ///
    /// A bit costs a bit that is opened, all of them together one round, and where bits become numbers the dealer sends 8
    /// bytes for each.
    case everyone
}
