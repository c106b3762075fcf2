// The steps of a session in; what someone else thinks of them out: header checks, DKIM, milters.
//
// The session asks its filters at each step, in order; the first that does not say Continue
// decides. A message is committed after the last filter's end(), with the edits that they asked
// for; the body is never copied. A filter lives as long as its session and sees its messages one
// after another.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.h"
#include "common/mail/header.h"
#include "smtpd/inbound/reply.h"
#include "smtpd/policy/messages.h"

namespace pennypost::smtp {

class FilterAnswer {
 public:
  enum class Kind { Continue, Refuse, Discard, Hold };
  FilterAnswer(Kind kind = Kind::Continue) : kind_(kind), reply_(250, "2.0.0", "Ok") {}  // NOLINT
  /// Refuse, with 4xx or 5xx.
  FilterAnswer(Reply reply) : kind_(Kind::Refuse), reply_(std::move(reply)) {}  // NOLINT

  Kind kind() const { return kind_; }
  const Reply& reply() const { return reply_; }

 private:
  Kind kind_;
  Reply reply_;
};

/// What filters change in a message.
struct FilterEdits {
  std::vector<Edit> header;                // offsets into the header as it came
  std::string on_top;                      // whole fields with their line ends (LF)
  std::vector<std::string> recipients;     // added
  std::vector<std::string> no_recipients;  // removed
};

class Filter {
 public:
  virtual ~Filter() = default;
  /// `about` holds what is known of the client so far.
  virtual Task<FilterAnswer> connect(const CheckRecipient& about);
  virtual Task<FilterAnswer> helo(const CheckRecipient& about);
  virtual Task<FilterAnswer> mail(const CheckRecipient& about);
  virtual Task<FilterAnswer> rcpt(const CheckRecipient& about);
  /// A piece of the content as it arrives, LF line ends; headers and body alike.
  virtual Task<FilterAnswer> content(std::string_view piece);
  /// The header whole, before end().
  virtual Task<FilterAnswer> header(std::string_view header, FilterEdits& edits);
  virtual Task<FilterAnswer> end(FilterEdits& edits);
  /// The transaction is over without a message: RSET, an error, the end of the connection.
  virtual void abort() {}
};

/// The filters of one session. With none, nothing is awaited.
class FilterChain {
 public:
  void add(std::unique_ptr<Filter> filter) { filters_.push_back(std::move(filter)); }
  bool empty() const { return filters_.empty(); }

  Task<FilterAnswer> connect(const CheckRecipient& about);
  Task<FilterAnswer> helo(const CheckRecipient& about);
  Task<FilterAnswer> mail(const CheckRecipient& about);
  Task<FilterAnswer> rcpt(const CheckRecipient& about);
  Task<FilterAnswer> content(std::string_view piece);
  Task<FilterAnswer> header(std::string_view header, FilterEdits& edits);
  Task<FilterAnswer> end(FilterEdits& edits);
  void abort();

 private:
  template <class Ask>
  Task<FilterAnswer> ask(Ask ask);
  std::vector<std::unique_ptr<Filter>> filters_;
};

}  // namespace pennypost::smtp
