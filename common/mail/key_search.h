// Finds many keys in a text at once, ignoring case as casefold() does: for IMAP's SEARCH.
//
// A text is read once, however many keys there are (the automaton of Aho and Corasick,
// Communications of the ACM 18, 1975): one step for each octet, and one for each key found. Texts
// are fed in pieces, since bodies are large; matches across pieces are found.
//
// STANDARDS  RFC 9051 section 6.4.4 (SEARCH ignores case), RFC 5051 (i;unicode-casemap)
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pennypost {

/// Folds the case of a text in pieces.
class CaseFolder {
 public:
  /// Returns as much of the folded text as can't change by what follows.
  std::string feed(std::string_view piece);
  /// Returns the rest; then a new text may begin.
  std::string finish();

 private:
  std::string held_;  // an unfinished character or grapheme
};

/// The keys to search for. Add all of them and compile() the set; then it does not change any more
/// and may be used by many scans.
class KeySet {
 public:
  /// `key` is in UTF-8. Returns its number; equal keys have the same one. An empty key is in every
  /// text.
  std::size_t add(std::string_view key);
  void compile();

  std::size_t size() const { return keys_.size(); }
  /// The size of all folded keys together; memory use is proportional to it.
  std::size_t octets() const { return octets_; }

 private:
  friend class KeyScan;
  static constexpr std::uint32_t root = 0;
  static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

  // Nodes are sorted by depth, so that the children of a node are adjacent: from its first_child to
  // that of the next node.
  struct Node {
    std::uint32_t first_child = 0;
    std::uint32_t fail = root;  // the node of the longest proper suffix of this one's text
    std::uint32_t key = none;   // the key whose text this is
    std::uint32_t hit = none;   // the longest node with a key among this one and its suffixes
  };
  struct Range {
    std::size_t first;
    std::size_t last;
    std::size_t depth;
  };
  void add_children(std::uint32_t parent, std::vector<Range>& ranges,
                    const std::vector<std::string_view>& sorted);
  void add_node(std::uint32_t parent, char label);
  std::uint32_t child(std::uint32_t node, char label) const;
  std::uint32_t next(std::uint32_t node, char label) const;

  std::map<std::string, std::size_t, std::less<>> keys_;  // folded
  std::size_t octets_ = 0;
  std::vector<Node> nodes_;  // the last one only marks the end of its neighbour's children
  std::string labels_;       // the octet by which each node is reached
  std::array<std::uint32_t, 256> first_{};  // the root's children by octet; root if there is none
};

/// Finds which keys of a set are in some texts.
class KeyScan {
 public:
  /// `keys` must outlive it.
  explicit KeyScan(const KeySet& keys);

  /// The next piece of a text, in UTF-8.
  void feed(std::string_view piece);
  /// Ends a text; what follows is another one.
  void end_text();

  bool has(std::size_t key) const { return found_[key] != 0; }
  /// Whether all keys have been found.
  bool has_all() const { return missing_ == 0; }

 private:
  void search(std::string_view folded);
  void search_one(std::string_view folded);
  void note_hits(std::uint32_t node);
  void note(std::size_t key);

  const KeySet& keys_;
  CaseFolder folder_;
  std::vector<char> found_;
  std::size_t missing_;
  std::uint32_t node_ = KeySet::root;
  std::vector<char> told_;  // nodes whose keys are noted
  std::string tail_;        // for a single key: text that may begin a match
};

}  // namespace pennypost
