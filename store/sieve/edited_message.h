// EditedMessage: a message as a script sees it, with the changes that the script has made so far.
//
// Changes of the header are kept as Edits of the text as it came, which is not copied. Only a
// change of the body (replace, enclose) makes a new text, which all later changes start from.
// form() gives the changes so far to the actions that are chosen now; later changes leave those
// alone.
//
// STANDARDS  RFC 5293 section 3 (which tests see the changes)
// SEE ALSO   actions.h (MessageForm)
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mail/header.h"
#include "common/mail/mime.h"
#include "store/sieve/actions.h"

namespace pennypost::store::sieve {

class EditedMessage {
 public:
  /// `text` must outlive it, and what its functions return.
  explicit EditedMessage(std::string_view text);

  /// The text as it came, or as replace() has made it; the tree of its parts.
  std::string_view text() const { return text_; }
  const MimePart& root();
  /// The bodies of the header's fields of that name, in their order, as they are in the header.
  std::vector<std::string_view> bodies(std::string_view name) const;
  bool has(std::string_view name) const;

  /// How many octets the message has now, with each line end as CRLF.
  std::size_t octets() const { return crlf_octets(text_) + added_octets_ - removed_octets_; }

  /// Adds a field before all others or behind them. `body` is UTF-8, folded here.
  void add_field(std::string_view name, std::string_view body, bool is_last);
  /// How many fields were added.
  std::size_t added() const { return made_.size(); }
  /// Removes the field of that name at `index` of bodies().
  void remove_field(std::string_view name, std::size_t index);

  /// The changes so far; null if there are none.
  MessageForm form();
  /// The message as it is now.
  std::string written();
  /// The same as form() without what enclose() did (RFC 5703 section 6).
  MessageForm form_to_redirect();

  /// How often the text was replaced: names the text that offsets are into.
  std::size_t version() const { return replacements_.size(); }
  /// Where what stood at `offset` of an earlier version stands now; nothing if it was replaced.
  std::optional<std::size_t> offset_now(std::size_t offset, std::size_t version) const;
  /// Replaces octets of the text, with the changes of the header so far.
  void replace(std::size_t offset, std::size_t octets, std::string by);
  /// Replaces all of it; `is_enclosure`: not for redirects.
  void replace_all(std::string text, bool is_enclosure);
  /// The fields of the header as it is now, each with its line end, in their order.
  std::vector<HeaderField> fields() const;
  std::string_view line_end() const { return line_end_; }

 private:
  struct Field {
    std::string_view name;
    std::string_view body;
    std::string_view whole;
    bool is_made = false;
    bool is_removed = false;
  };
  /// Changes that were made at once.
  using Replacement = std::vector<Edit>;
  std::vector<Edit> header_edits() const;
  void begin(std::string_view text);
  void start_from(std::string text, Replacement made);

  std::string_view original_;
  std::string_view text_;
  std::string_view line_end_;
  std::vector<Field> fields_;
  std::deque<std::string> made_;  // what the views of added fields point into
  std::size_t added_octets_ = 0;
  std::size_t removed_octets_ = 0;
  std::deque<std::string> texts_;  // what text_ was after each replacement
  std::vector<Replacement> replacements_;
  std::vector<std::unique_ptr<MimePart>> earlier_roots_;  // loops may still look at them
  std::optional<MessageForm> unenclosed_;
  std::unique_ptr<MimePart> root_;
  bool is_changed_ = false;  // since form_ was made
  MessageForm form_;
};

}  // namespace pennypost::store::sieve
