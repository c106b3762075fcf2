// Puts messages into threads, by who replies to whom or by subject.
//
// Messages are added in the order of the mailbox, and are linked as they come: what is kept of each
// is a node, and a digest of its Message-ID. Ids that are named but not there have a node as well,
// which is no message. Nothing here calls itself, however deep a thread is.
//
// STANDARDS  RFC 5256 section 3 (THREAD: ORDEREDSUBJECT, REFERENCES)
// SEE ALSO   thread_collector.h (who reads the messages)
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "imapd/grammar/sort.h"
#include "imapd/order/base_subject.h"
#include "store/mailbox/message.h"

namespace pennypost::imap {

/// Of the references of a message the last so many count.
inline constexpr std::size_t references_max = 100;

class Threader {
 public:
  using Algorithm = ThreadRequest::Algorithm;
  explicit Threader(Algorithm algorithm) : algorithm_(algorithm) {}

  struct Subject {
    std::uint32_t number = 0;
    std::int64_t date = 0;
    std::optional<std::string> id;
    /// The first is the oldest.
    std::vector<std::string> references;
    BaseSubject subject;
  };
  void add(const Subject& message);

  /// `(1)(2 3 (4)(5))`: the threads, with message numbers, or the UIDs that `view` has for them.
  std::string finish(const std::vector<store::Uid>* view);

 private:
  using NodeId = std::uint32_t;
  static constexpr NodeId none = std::numeric_limits<NodeId>::max();
  using Digest = std::array<char, 16>;
  struct DigestHash {
    std::size_t operator()(const Digest& digest) const;
  };
  struct Node {
    NodeId parent = none;
    NodeId first_child = none;
    NodeId next = none;        // sibling
    std::uint32_t number = 0;  // 0: no message
    std::uint32_t subject = 0;
    bool has_children = false;
    bool is_reply = false;
    std::int64_t date = 0;

    bool is_dummy() const { return number == 0; }
  };

  NodeId node_of(std::string_view id);
  NodeId message_node(const Subject& message);
  std::uint32_t subject_of(std::string_view text);
  void link(NodeId parent, NodeId child);
  void cut(NodeId child);
  bool is_below(NodeId node, NodeId above) const;

  void thread_by_subject();
  void thread_by_references();
  void prune();
  NodeId kept_ancestor(NodeId node);
  void merge_by_subject();
  NodeId merge(NodeId kept, NodeId other);
  std::uint32_t thread_subject(NodeId root) const;
  void sort_all();
  void sort_children(NodeId node);
  void sort_roots();
  void adopt(NodeId parent, NodeId child);
  std::int64_t sort_date(NodeId node) const;
  std::uint32_t sort_number(NodeId node) const;
  bool comes_before(NodeId a, NodeId b) const;
  std::int64_t newest(NodeId root) const;
  std::string text(const std::vector<store::Uid>* view) const;

  Algorithm algorithm_;
  std::vector<Node> nodes_;
  std::unordered_map<Digest, NodeId, DigestHash> by_id_;
  std::unordered_map<Digest, std::uint32_t, DigestHash> subjects_;
  std::vector<NodeId> roots_;
};

}  // namespace pennypost::imap
