#include "common/mail/key_search.h"

#include <algorithm>
#include <cstring>

#include "common/base/assert.h"
#include "common/base/text.h"
#include "common/mail/unicode.h"

namespace pennypost {
namespace {

constexpr std::size_t unfolded_bytes_max =
    4096;  // text without any ASCII is folded in pieces of this size

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

// Where `text` may be split so that the first part folds the same way whatever follows.
std::size_t safe_cut(std::string_view text) {
  // An ASCII character does not affect the folding of the text before it.
  auto last = std::find_if(text.rbegin(), text.rend(), [](char c) { return is_ascii(c); });
  auto bytes = static_cast<std::size_t>(text.rend() - last);
  auto cut = bytes == 0 ? 0 : bytes - 1;
  if (text.size() - cut <= unfolded_bytes_max) return cut;
  cut = text.size();
  for (int back = 0; back < 4 && cut > 0 && !begins_character(text[cut - 1]); ++back) --cut;
  return cut > 0 ? cut - 1 : cut;
}

std::size_t octet(char c) { return static_cast<unsigned char>(c); }

}  // namespace

std::string CaseFolder::feed(std::string_view piece) {
  held_ += piece;
  auto cut = safe_cut(held_);
  auto folded = casefold(std::string_view(held_).substr(0, cut));
  held_.erase(0, cut);
  return folded;
}

std::string CaseFolder::finish() {
  auto folded = casefold(held_);
  held_.clear();
  return folded;
}

// KeySet

std::size_t KeySet::add(std::string_view key) {
  ASSERT(nodes_.empty());
  auto [at, is_new] = keys_.emplace(casefold(key), keys_.size());
  if (is_new) octets_ += at->first.size();
  return at->second;
}

void KeySet::compile() {
  std::vector<std::string_view> sorted;
  std::vector<std::uint32_t> numbers;
  for (const auto& [text, number] : keys_) {
    sorted.push_back(text);
    numbers.push_back(static_cast<std::uint32_t>(number));
  }
  nodes_.emplace_back();
  labels_.push_back('\0');
  // For each node, the range of its keys in the sorted list.
  std::vector<Range> ranges{{0, sorted.size(), 0}};
  for (std::uint32_t node = 0; node < ranges.size(); ++node) add_children(node, ranges, sorted);
  for (auto& node : nodes_) {
    if (node.key != none) node.key = numbers[node.key];
  }
  Node end;
  end.first_child = static_cast<std::uint32_t>(nodes_.size());
  nodes_.push_back(end);
}

// All shallower nodes already have their children, and so do the nodes before this one.
void KeySet::add_children(std::uint32_t parent, std::vector<Range>& ranges,
                          const std::vector<std::string_view>& sorted) {
  nodes_[parent].first_child = static_cast<std::uint32_t>(nodes_.size());
  auto [first, last, depth] = ranges[parent];
  if (first < last && sorted[first].size() == depth) {
    nodes_[parent].key = static_cast<std::uint32_t>(first++);
  }
  auto fail = nodes_[parent].fail;
  nodes_[parent].hit = nodes_[parent].key != none ? parent
                       : parent != root           ? nodes_[fail].hit
                                                  : none;
  while (first < last) {
    char label = sorted[first][depth];
    auto end = first + 1;
    while (end < last && sorted[end][depth] == label) ++end;
    ranges.push_back({first, end, depth + 1});
    add_node(parent, label);
    first = end;
  }
}

void KeySet::add_node(std::uint32_t parent, char label) {
  Node node;
  auto number = static_cast<std::uint32_t>(nodes_.size());
  if (parent == root) {
    first_[octet(label)] = number;
  } else {
    node.fail = next(nodes_[parent].fail, label);
  }
  nodes_.push_back(node);
  labels_.push_back(label);
}

// The child with this label; root if there is none.
std::uint32_t KeySet::child(std::uint32_t node, char label) const {
  if (node == root) return first_[octet(label)];
  auto begin = nodes_[node].first_child;
  auto count = nodes_[node + 1].first_child - begin;
  if (count == 0) return root;
  const void* found = std::memchr(labels_.data() + begin, octet(label) & 0xff, count);
  if (found == nullptr) return root;
  return static_cast<std::uint32_t>(static_cast<const char*>(found) - labels_.data());
}

std::uint32_t KeySet::next(std::uint32_t node, char label) const {
  for (;;) {
    auto below = child(node, label);
    if (below != root || node == root) return below;
    node = nodes_[node].fail;
  }
}

// KeyScan

KeyScan::KeyScan(const KeySet& keys)
    : keys_(keys),
      found_(keys.size()),
      missing_(keys.size()),
      told_(keys.size() == 1 ? 0 : keys.nodes_.size()) {
  ASSERT(!keys_.nodes_.empty());
  auto empty = keys_.keys_.find(std::string_view());
  if (empty != keys_.keys_.end()) note(empty->second);
}

void KeyScan::feed(std::string_view piece) {
  if (!has_all()) search(folder_.feed(piece));
}

void KeyScan::end_text() {
  if (!has_all()) search(folder_.finish());
  node_ = KeySet::root;
  tail_.clear();
}

void KeyScan::search(std::string_view folded) {
  if (keys_.size() == 1) return search_one(folded);
  auto node = node_;
  for (char c : folded) {
    node = keys_.next(node, c);
    if (keys_.nodes_[node].hit != KeySet::none) note_hits(node);
  }
  node_ = node;
}

// For a single key the C library's search is faster than the automaton.
void KeyScan::search_one(std::string_view folded) {
  const auto& key = keys_.keys_.begin()->first;
  tail_ += folded;
  // Not std::string::find(), which stops at each octet that is the first one of the key.
  if (::memmem(tail_.data(), tail_.size(), key.data(), key.size()) != nullptr) return note(0);
  if (tail_.size() >= key.size()) tail_.erase(0, tail_.size() - (key.size() - 1));
}

// Stops at a node that was noted before, since the rest of its chain was noted with it. So keys
// within keys cost nothing extra.
void KeyScan::note_hits(std::uint32_t node) {
  for (auto at = keys_.nodes_[node].hit; at != KeySet::none && told_[at] == 0;
       at = keys_.nodes_[keys_.nodes_[at].fail].hit) {
    told_[at] = 1;
    note(keys_.nodes_[at].key);
  }
}

void KeyScan::note(std::size_t key) {
  if (found_[key] != 0) return;
  found_[key] = 1;
  --missing_;
}

}  // namespace pennypost
