// Filters of incoming mail: at each step of a session they may refuse, discard, hold or change
// mail.
//
// The session asks its filters in order; the first that does not say Continue decides for the step.
// They see a message's header as a whole and before the body. Each filter sees the changes of those
// before it; Pennypost's own changes (canonical maps, the fix-ups of submission) are made after all
// filters. A message is committed after the last filter's end(). A filter lives as long as its
// session and sees its messages one after another. When it refuses, it must log the reason itself.
//
// SEE ALSO   content_checks_filter.h (such a filter), header_draft.h
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.h"
#include "common/base/limit.h"
#include "common/log/log.h"
#include "common/mail/header.h"
#include "smtpd/inbound/body.h"
#include "smtpd/inbound/reply.h"
#include "smtpd/policy/content_checks.h"
#include "smtpd/policy/messages.h"
#include "smtpd/queue/header_draft.h"

namespace pennypost::smtp {

class FilterAnswer {
 public:
  enum class Kind { Continue, Refuse, Discard };
  FilterAnswer(Kind kind = Kind::Continue) : kind_(kind) {}  // NOLINT
  /// Refuses, with a 4xx or 5xx reply.
  FilterAnswer(Reply reply) : kind_(Kind::Refuse), reply_(std::move(reply)) {}  // NOLINT

  Kind kind() const { return kind_; }
  /// Only of one that refuses.
  const Reply& reply() const { return *reply_; }

 private:
  Kind kind_;
  std::optional<Reply> reply_;
};

/// A message as filters see and change it.
class FilteredMessage {
 public:
  struct Parts {
    QueueId id;
    HeaderDraft& header;
    std::string& sender;                 // the envelope's; empty: the null sender
    std::vector<Recipient>& recipients;  // the envelope's
    Body& content;
    bool& is_held;
    bool& is_junk;
    std::string& filter;    // the content filter, `transport:destination`, or empty
    LogTransaction origin;  // client, protocol and HELO, for the log
    Limit message_bytes_max;
  };
  explicit FilteredMessage(Parts parts) : parts_(std::move(parts)) {}

  /// What a filter's log lines about this message begin with.
  LogTransaction log_line() const;
  /// All fields, including those that we add on top, with LF line ends and without the empty line.
  std::string header() const { return parts_.header.whole(); }
  /// The message's own fields in their present state, without those that we add on top; valid until
  /// the next edit.
  std::string_view own_header() const { return parts_.header.text(); }
  /// Inserts, replaces or deletes fields. Offsets are into header(), in ascending order.
  void edit_header(const std::vector<Edit>& edits);

  /// Where the body begins in the content as it was received.
  std::uint64_t body_offset() const { return parts_.content.body_offset(); }
  /// Inserts, replaces or deletes lines of the body; offsets are into the content as it was
  /// received, in order, behind those of earlier calls. `line_ends`: how many of them go.
  void edit_body(const std::vector<Edit>& edits, std::uint64_t line_ends);

  const std::string& sender() const { return parts_.sender; }
  void set_sender(std::string sender) { parts_.sender = std::move(sender); }
  const std::vector<Recipient>& recipients() const { return parts_.recipients; }
  /// No effect if the address is a recipient already.
  void add_recipient(std::string address);
  /// The same, with what it is told of the delivery.
  void add_copy(std::string address, std::uint8_t notify);
  /// Also one whose address was another before it was rewritten. A message left without recipients
  /// is discarded.
  void remove_recipient(std::string_view address);
  /// Replaces all recipients by this address.
  void redirect(std::string address);

  /// Gives the message another content filter, `transport:destination`.
  void set_filter(std::string filter) { parts_.filter = std::move(filter); }
  /// Keeps the message in the queue until an admin releases it.
  void hold() { parts_.is_held = true; }
  /// Has it delivered into junk_mailbox.
  void mark_as_junk() { parts_.is_junk = true; }
  /// For use in end(): replaces the body and drops the edits of edit_body(); LF line ends; further
  /// calls append to the new body. A body that is too large or can't be written makes the message
  /// be refused.
  Task<> replace_body(std::string_view piece);
  /// The first half of it: the new body is empty so far, even if there is one already.
  Task<> begin_body();

  bool has_8bit_edits() const { return has_8bit_edits_; }
  /// The line ends of header and body, if the body was replaced.
  std::optional<std::uint64_t> new_line_ends() const { return new_line_ends_; }
  bool is_too_large() const { return is_too_large_; }

 private:
  Parts parts_;
  bool has_8bit_edits_ = false;
  bool is_too_large_ = false;
  std::optional<std::uint64_t> new_line_ends_;
  std::uint64_t new_bytes_ = 0;
};

class Filter {
 public:
  /// When a filter is asked; Message stands for header(), body() and end().
  enum Step : unsigned { Connect = 1, Helo = 2, Mail = 4, Rcpt = 8, Message = 16, Always = 31 };

  virtual ~Filter() = default;
  /// The steps at which it has something to say. At the others it is not asked, so that they cost
  /// nothing.
  virtual unsigned steps() const { return Always; }
  /// Whether it wants to see the message that the last mail() was about.
  virtual bool wants_message() const { return (steps() & Message) != 0; }
  /// `about`: what is known about the client so far.
  virtual Task<FilterAnswer> connect(const CheckRecipient& about);
  virtual Task<FilterAnswer> helo(const CheckRecipient& about);
  virtual Task<FilterAnswer> mail(const CheckRecipient& about);
  virtual Task<FilterAnswer> rcpt(const CheckRecipient& about);
  /// Called with the complete header, before body().
  virtual Task<FilterAnswer> header(FilteredMessage& message);
  /// Called with each piece of the body as it arrives, with LF line ends.
  virtual Task<FilterAnswer> body(std::string_view piece);
  /// Called after the whole message.
  virtual Task<FilterAnswer> end(FilteredMessage& message);
  /// Called if the transaction ends without a message: RSET, an error, the end of the connection.
  virtual void abort() {}
};

/// The filters of one session.
class FilterChain {
 public:
  void add(std::unique_ptr<Filter> filter);
  /// Whether a filter is to be asked at `step`.
  bool has(Filter::Step step) const { return (steps_ & step) != 0; }
  /// Whether a filter wants to see the present message.
  bool want_message() const;

  /// A question about the dialogue: one of the next four.
  using Question = Task<FilterAnswer> (FilterChain::*)(const CheckRecipient& about);
  Task<FilterAnswer> connect(const CheckRecipient& about);
  Task<FilterAnswer> helo(const CheckRecipient& about);
  Task<FilterAnswer> mail(const CheckRecipient& about);
  Task<FilterAnswer> rcpt(const CheckRecipient& about);
  Task<FilterAnswer> header(FilteredMessage& message);
  Task<FilterAnswer> body(std::string_view piece);
  Task<FilterAnswer> end(FilteredMessage& message);
  void abort();

 private:
  template <class Ask>
  Task<FilterAnswer> ask(Filter::Step step, Ask ask);
  std::vector<std::unique_ptr<Filter>> filters_;
  unsigned steps_ = 0;  // of all of them
};

}  // namespace pennypost::smtp
