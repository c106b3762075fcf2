// A message as milters see and change it, and the changes of its header.
//
// As with Sendmail and Postfix, milters do not see the Received field that this host has put on
// top. A place to insert a field counts it, an instance to change does not.
//
// SEE ALSO   milter.h (who asks for changes)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/async/task.h"
#include "common/base/result.h"
#include "common/mail/esmtp.h"
#include "common/mail/header.h"
#include "smtpd/milter/protocol.h"

namespace pennypost::smtp {

class MilteredMessage {
 public:
  virtual ~MilteredMessage() = default;
  /// All fields with LF line ends, our Received above all others of that name, without the empty
  /// line.
  virtual std::string header() const = 0;
  virtual void edit_header(const std::vector<Edit>& edits) = 0;
  /// The field that a milter wants to add, as it may stand in the message; empty: it may not. Error
  /// 4xx: that can't be told now.
  virtual Task<Result<std::string>> checked(std::string field) { co_return std::move(field); }
  /// At most `count` bytes of the present body from `offset` on, with LF line ends; empty at its
  /// end.
  virtual Task<Result<std::string>> read_body(std::uint64_t offset, std::size_t count) = 0;
  /// Begins a new body, to which add_to_body() adds.
  virtual Task<Result<void>> begin_body() = 0;
  /// `piece`: with LF line ends. Error: too large, or it can't be written.
  virtual Task<Result<void>> add_to_body(std::string_view piece) = 0;
  /// The addresses may be in angle brackets; `parameters` are those of RCPT and MAIL. Errors: not
  /// an address, or unknown parameters.
  virtual Result<void> add_recipient(std::string_view address, std::string_view parameters) = 0;
  virtual Result<void> remove_recipient(std::string_view address) = 0;
  virtual Result<void> set_sender(std::string_view address, std::string_view parameters) = 0;
};

/// Whether milters see this field of the header: all but our Received, which is the first one.
class SeenFields {
 public:
  bool operator()(const HeaderField& field) {
    bool is_ours = !has_met_ours_ && field.is("Received");
    has_met_ours_ = has_met_ours_ || is_ours;
    return !is_ours;
  }

 private:
  bool has_met_ours_ = false;
};

/// The edit that does a milter's change (AddHeader, InsertHeader, ChangeHeader) of this header;
/// none where it changes nothing. `keeps_space`: the value begins with the blank that it is to have
/// behind the colon. A line of the value that is no continuation is made one.
std::vector<Edit> header_change(std::string_view header, const MilterReply& change,
                                bool keeps_space);

/// An address that a milter names, in angle brackets or not, with its ESMTP parameters. Errors: not
/// an address, or unknown parameters.
Result<RcptCommand> parse_milter_recipient(std::string_view address, std::string_view parameters);
Result<MailCommand> parse_milter_sender(std::string_view address, std::string_view parameters);

/// What follows the address in the arguments of MAIL or RCPT, with `<address>` in front.
std::vector<std::string> milter_words(const MailAddress& address, std::string_view arguments);

}  // namespace pennypost::smtp
