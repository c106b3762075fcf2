#include "imapd/order/threader.h"

#include <algorithm>
#include <cstring>

#include "common/crypto/random.h"

namespace pennypost::imap {
namespace {

// How many ancestors are looked at before a link that could make a loop: no conversation is so
// deep, and whoever makes one up may find it in several threads.
constexpr int ancestors_max = 1000;

}  // namespace

std::size_t Threader::DigestHash::operator()(const Digest& digest) const {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

// --- step 1: messages and their references -------------------------------------------

void Threader::add(const Subject& message) {
  if (algorithm_ == Algorithm::OrderedSubject) {
    nodes_.emplace_back();
    auto& node = nodes_.back();
    node.number = message.number;
    node.date = message.date;
    node.subject = subject_of(collation_key(message.subject.text));
    return;
  }
  auto id = message_node(message);
  auto parent = none;
  for (const auto& reference : message.references) {
    auto next = node_of(reference);
    bool is_new = parent != none && next != parent && nodes_[next].parent == none;
    if (is_new && !is_below(parent, next)) link(parent, next);
    parent = next;
  }
  // Truncated references may have linked it to another.
  if (nodes_[id].parent != none) cut(id);
  if (parent != none && parent != id && !is_below(parent, id)) link(parent, id);
}

Threader::NodeId Threader::node_of(std::string_view id) {
  Digest digest;
  auto whole = sha256(id);
  std::copy_n(whole.begin(), digest.size(), digest.begin());
  auto [place, is_new] = by_id_.try_emplace(digest, static_cast<NodeId>(nodes_.size()));
  if (is_new) nodes_.emplace_back();
  return place->second;
}

// Its own node; one without an id if another message has that already.
Threader::NodeId Threader::message_node(const Subject& message) {
  auto id = message.id ? node_of(*message.id) : none;
  if (id == none || !nodes_[id].is_dummy()) {
    id = static_cast<NodeId>(nodes_.size());
    nodes_.emplace_back();
  }
  auto& node = nodes_[id];
  node.number = message.number;
  node.date = message.date;
  node.is_reply = message.subject.is_reply;
  if (algorithm_ == Algorithm::References) {
    node.subject = subject_of(collation_key(message.subject.text));
  }
  return id;
}

// Equal subjects have equal numbers; 0 is the empty one.
std::uint32_t Threader::subject_of(std::string_view text) {
  if (text.empty()) return 0;
  Digest digest;
  auto whole = sha256(text);
  std::copy_n(whole.begin(), digest.size(), digest.begin());
  auto next = static_cast<std::uint32_t>(subjects_.size() + 1);
  return subjects_.try_emplace(digest, next).first->second;
}

void Threader::link(NodeId parent, NodeId child) {
  nodes_[child].parent = parent;
  nodes_[parent].has_children = true;
}

void Threader::cut(NodeId child) { nodes_[child].parent = none; }

// Whether `above` is among the ancestors of `node`.
bool Threader::is_below(NodeId node, NodeId above) const {
  if (!nodes_[above].has_children) return false;
  for (int count = 0; node != none; node = nodes_[node].parent) {
    if (node == above || ++count > ancestors_max) return true;
  }
  return false;
}

// --- steps 2 and 3: the tree, without what is no message ------------------------------

void Threader::adopt(NodeId parent, NodeId child) {
  nodes_[child].parent = parent;
  nodes_[child].next = nodes_[parent].first_child;
  nodes_[parent].first_child = child;
}

// The nearest message above, or the top of the thread.
Threader::NodeId Threader::kept_ancestor(NodeId node) {
  auto above = nodes_[node].parent;
  if (above == none) return none;
  auto found = above;
  while (nodes_[found].is_dummy() && nodes_[found].parent != none) found = nodes_[found].parent;
  // Those on the way need not go it again.
  while (above != found) {
    auto next = nodes_[above].parent;
    nodes_[above].parent = found;
    above = next;
  }
  return found;
}

void Threader::prune() {
  std::vector<NodeId> kept(nodes_.size());
  for (NodeId id = 0; id < nodes_.size(); ++id) kept[id] = kept_ancestor(id);
  for (auto& node : nodes_) node.parent = node.first_child = node.next = none;
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    if (!nodes_[id].is_dummy() && kept[id] != none) adopt(kept[id], id);
  }
  for (NodeId id = 0; id < nodes_.size(); ++id) {
    if (kept[id] != none) continue;
    auto child = nodes_[id].first_child;
    if (!nodes_[id].is_dummy()) {
      roots_.push_back(id);
    } else if (child != none && nodes_[child].next == none) {
      nodes_[child].parent = none;
      nodes_[id].first_child = none;
      roots_.push_back(child);
    } else if (child != none) {
      roots_.push_back(id);
    }
  }
}

// --- steps 4 and 6: order ---------------------------------------------------------------

std::int64_t Threader::sort_date(NodeId node) const {
  const auto& own = nodes_[node];
  return own.is_dummy() && own.first_child != none ? nodes_[own.first_child].date : own.date;
}

std::uint32_t Threader::sort_number(NodeId node) const {
  const auto& own = nodes_[node];
  return own.is_dummy() && own.first_child != none ? nodes_[own.first_child].number : own.number;
}

bool Threader::comes_before(NodeId a, NodeId b) const {
  auto left = sort_date(a);
  auto right = sort_date(b);
  return left != right ? left < right : sort_number(a) < sort_number(b);
}

void Threader::sort_children(NodeId node) {
  std::vector<NodeId> children;
  for (auto child = nodes_[node].first_child; child != none; child = nodes_[child].next) {
    children.push_back(child);
  }
  if (children.size() < 2) return;
  std::ranges::sort(children, [this](NodeId a, NodeId b) { return comes_before(a, b); });
  nodes_[node].first_child = children.front();
  for (std::size_t i = 0; i < children.size(); ++i) {
    nodes_[children[i]].next = i + 1 < children.size() ? children[i + 1] : none;
  }
}

void Threader::sort_all() {
  // Only a root can be no message, so that no set of siblings waits for another.
  for (NodeId id = 0; id < nodes_.size(); ++id) sort_children(id);
}

void Threader::sort_roots() {
  std::ranges::sort(roots_, [this](NodeId a, NodeId b) { return comes_before(a, b); });
}

std::int64_t Threader::newest(NodeId root) const {
  auto latest = std::numeric_limits<std::int64_t>::min();
  std::vector<NodeId> left{root};
  while (!left.empty()) {
    auto id = left.back();
    left.pop_back();
    if (!nodes_[id].is_dummy()) latest = std::max(latest, nodes_[id].date);
    for (auto child = nodes_[id].first_child; child != none; child = nodes_[child].next) {
      left.push_back(child);
    }
  }
  return latest;
}

// --- step 5: threads of one subject become one -------------------------------------------

std::uint32_t Threader::thread_subject(NodeId root) const {
  const auto& node = nodes_[root];
  return node.is_dummy() ? nodes_[node.first_child].subject : node.subject;
}

// Joins `other` to `kept`, which stands in the table; gives what stands there from now on.
Threader::NodeId Threader::merge(NodeId kept, NodeId other) {
  bool is_kept_dummy = nodes_[kept].is_dummy();
  if (is_kept_dummy && nodes_[other].is_dummy()) {
    auto child = nodes_[other].first_child;
    while (child != none) {
      auto next = nodes_[child].next;
      adopt(kept, child);
      child = next;
    }
    nodes_[other].first_child = none;
    return kept;
  }
  if (is_kept_dummy || (nodes_[other].is_reply && !nodes_[kept].is_reply)) {
    adopt(kept, other);
    return kept;
  }
  auto both = static_cast<NodeId>(nodes_.size());
  nodes_.emplace_back();
  adopt(both, other);
  adopt(both, kept);
  return both;
}

void Threader::merge_by_subject() {
  std::unordered_map<std::uint32_t, NodeId> table;
  for (auto root : roots_) {
    auto subject = thread_subject(root);
    if (subject == 0) continue;
    auto [place, is_new] = table.try_emplace(subject, root);
    if (is_new) continue;
    const auto& kept = nodes_[place->second];
    const auto& node = nodes_[root];
    bool is_better = node.is_dummy() || (kept.is_reply && !node.is_reply);
    if (!kept.is_dummy() && is_better) place->second = root;
  }
  std::vector<NodeId> others;
  for (auto root : roots_) {
    auto subject = thread_subject(root);
    auto place = subject != 0 ? table.find(subject) : table.end();
    bool is_alone = place == table.end() || place->second == root;
    if (is_alone) {
      if (place == table.end()) others.push_back(root);
      continue;
    }
    place->second = merge(place->second, root);
  }
  roots_ = std::move(others);
  for (const auto& [subject, root] : table) roots_.push_back(root);
}

// --- the whole -----------------------------------------------------------------------------

void Threader::thread_by_references() {
  prune();
  sort_all();
  if (algorithm_ == Algorithm::References) {
    sort_roots();
    merge_by_subject();
    sort_all();
    sort_roots();
    return;
  }
  std::vector<std::pair<std::int64_t, NodeId>> dated;
  dated.reserve(roots_.size());
  for (auto root : roots_) dated.emplace_back(newest(root), root);
  std::ranges::sort(dated, [this](const auto& a, const auto& b) {
    return a.first != b.first ? a.first < b.first : comes_before(a.second, b.second);
  });
  roots_.clear();
  for (const auto& [date, root] : dated) roots_.push_back(root);
}

void Threader::thread_by_subject() {
  std::vector<NodeId> all(nodes_.size());
  for (NodeId id = 0; id < nodes_.size(); ++id) all[id] = id;
  std::ranges::sort(all, [this](NodeId a, NodeId b) { return comes_before(a, b); });
  std::unordered_map<std::uint32_t, NodeId> firsts;
  for (auto id : all) {
    auto [place, is_first] = firsts.try_emplace(nodes_[id].subject, id);
    if (is_first) {
      roots_.push_back(id);
    } else {
      adopt(place->second, id);
    }
  }
  sort_all();
}

std::string Threader::finish(const std::vector<store::Uid>* view) {
  if (algorithm_ == Algorithm::OrderedSubject) {
    thread_by_subject();
  } else {
    thread_by_references();
  }
  return text(view);
}

// RFC 5256 section 4: a child alone follows its parent, several each have parentheses.
std::string Threader::text(const std::vector<store::Uid>* view) const {
  std::string out;
  auto shown = [&](const Node& node) {
    auto number = view != nullptr ? (*view)[node.number - 1].value() : node.number;
    return std::to_string(number);
  };
  // The next sibling of each list that is open.
  std::vector<NodeId> open;
  for (auto root : roots_) {
    auto next = root;
    auto base = open.size();
    bool is_first = true;
    while (is_first || open.size() > base) {
      if (!is_first) {
        next = open.back();
        if (next == none) {
          open.pop_back();
          out += ')';
          continue;
        }
        open.back() = nodes_[next].next;
      }
      is_first = false;
      out += '(';
      auto id = next;
      if (!nodes_[id].is_dummy()) out += shown(nodes_[id]);
      for (auto child = nodes_[id].first_child;
           child != none && nodes_[child].next == none && !nodes_[id].is_dummy();
           child = nodes_[id].first_child) {
        out += ' ' + shown(nodes_[child]);
        id = child;
      }
      auto children = nodes_[id].first_child;
      if (children != none && !nodes_[id].is_dummy()) out += ' ';
      open.push_back(children);
    }
  }
  return out;
}

}  // namespace pennypost::imap
