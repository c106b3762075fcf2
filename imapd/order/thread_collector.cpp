#include "imapd/order/thread_collector.h"

#include <algorithm>

#include "common/mail/header.h"
#include "imapd/order/message_ids.h"
#include "imapd/order/sent_date.h"
#include "imapd/session/kept_fields.h"

namespace pennypost::imap {
namespace {

using Algorithm = ThreadRequest::Algorithm;

// What reading a message costs besides its header.
constexpr std::uint64_t message_cost = 64;

std::vector<std::string> ids_in(std::string_view header, std::string_view field,
                                std::size_t count_max) {
  auto value = HeaderFields(header).value(field);
  return value ? message_ids(*value, count_max) : std::vector<std::string>();
}

// RFC 5256 section 3: of In-Reply-To only the first id, for what follows may be an address.
std::vector<std::string> references_of(std::string_view header) {
  auto references = ids_in(header, "References", references_max);
  if (!references.empty()) return references;
  auto replied = ids_in(header, "In-Reply-To", references_max);
  if (replied.size() > 1) replied.resize(1);
  return replied;
}

}  // namespace

bool ThreadCollector::run(std::size_t messages, std::uint64_t octets) {
  held_up_by_.reset();
  auto left = octets;
  for (; messages > 0 && left > 0 && next_ < numbers_.size(); --messages) {
    std::uint64_t cost = message_cost;
    auto done = read(numbers_[next_], cost);
    if (!done && store::is_in_use(done.error())) {
      held_up_by_ = done.error();
      return true;
    }
    ++next_;
    if (!done) {
      is_whole_ = false;
      if (!failure_ && !store::is_expunged(done.error())) failure_ = done.error();
    }
    left -= std::min(left, cost);
  }
  return next_ < numbers_.size();
}

Result<void> ThreadCollector::read(std::uint32_t number, std::uint64_t& octets) {
  auto& mailbox = selected_.mailbox();
  auto uid = selected_.uid_of(number);
  TRY(auto header, kept_fields(mailbox, uid));
  octets += header.size();
  TRY(auto date, sent_date(mailbox, uid, header));
  Threader::Subject message;
  message.number = number;
  message.date = date;
  if (algorithm_ != Algorithm::Refs) {
    auto subject = HeaderFields(header).value("Subject");
    if (subject) message.subject = base_subject(*subject);
  }
  if (algorithm_ != Algorithm::OrderedSubject) {
    auto ids = ids_in(header, "Message-ID", 1);
    if (!ids.empty()) message.id = std::move(ids.front());
    message.references = references_of(header);
  }
  threader_.add(message);
  return {};
}

}  // namespace pennypost::imap
