#include "imapd/command/ordering.h"

#include <algorithm>
#include <charconv>

#include "imapd/command/find.h"
#include "imapd/order/sorter.h"
#include "imapd/order/thread_collector.h"
#include "imapd/session/context.h"
#include "imapd/session/kept_orders.h"

namespace pennypost::imap {
namespace {

using Numbers = std::vector<std::uint32_t>;
using store::Uid;

/// What an order is kept under; empty: not at all. What is relevant differs from search to search.
std::string name_of(const std::vector<SortCriterion>& criteria) {
  std::string name = "SORT";
  for (auto criterion : criteria) {
    if (criterion.key == SortCriterion::Key::Relevancy) return "";
    name += (criterion.is_reverse ? " -" : " ") + std::to_string(static_cast<int>(criterion.key));
  }
  return name;
}

/// Of `numbers`, ascending, those that a kept order has, in its order, and the others.
struct Split {
  Numbers ordered;
  Numbers others;
  bool is_all = true;  // no message that the kept order has is left aside
};

Split split_by(const Selected& selected, const std::vector<Uid>& order, const Numbers& numbers) {
  std::vector<bool> is_wanted(selected.exists() + 1, false);
  for (auto number : numbers) is_wanted[number] = true;
  Split split;
  split.ordered.reserve(numbers.size());
  for (auto uid : order) {
    auto number = selected.number_of(uid);
    if (!number) continue;
    if (!is_wanted[*number]) {
      split.is_all = false;
      continue;
    }
    is_wanted[*number] = false;
    split.ordered.push_back(*number);
  }
  for (auto number : numbers) {
    if (is_wanted[number]) split.others.push_back(number);
  }
  return split;
}

/// The UIDs of THREAD's answer become message numbers.
std::string numbered(const Selected& selected, const std::string& threads) {
  std::string out;
  out.reserve(threads.size());
  const char* at = threads.data();
  const char* const end = at + threads.size();
  while (at != end) {
    std::uint32_t uid = 0;
    auto parsed = std::from_chars(at, end, uid);
    if (parsed.ptr == at) {
      out += *at++;
      continue;
    }
    out += std::to_string(selected.number_of(Uid(uid)).value_or(0));
    at = parsed.ptr;
  }
  return out;
}

void keep_order(SessionContext& context, std::string_view name, const Numbers& order) {
  auto& selected = *context.selected();
  auto kept = std::make_shared<KeptOrders::Kept>();
  kept->uids = selected.uids(order);
  context.account().orders.keep(selected.mailbox(), name, std::move(kept));
}

void log_failure(const SessionContext& context, const std::optional<Error>& failure) {
  if (failure) context.log_failure(Reply(*failure));
}

// `held_up_by`: by whom what is to be read is locked, if it is. The same error when that has lasted
// too long.
Task<Result<void>> wait_if_locked(SessionContext& context, store::LockWait& wait,
                                  std::optional<Error> held_up_by) {
  if (!held_up_by) {
    wait.begin();
    co_return Result<void>();
  }
  if (wait.is_over()) co_return *std::move(held_up_by);
  co_await wait.pause();
  co_await context.look_for_client();
  co_return Result<void>();
}

}  // namespace

Task<Result<Numbers>> order_messages(SessionContext& context,
                                     const std::vector<SortCriterion>& criteria, Numbers numbers,
                                     std::vector<std::uint8_t> scores) {
  auto& selected = *context.selected();
  auto name = name_of(criteria);
  std::shared_ptr<const KeptOrders::Kept> kept;
  if (!name.empty()) kept = context.account().orders.find(selected.mailbox(), name);
  Split split;
  if (kept) {
    split = co_await context.heavy_lane().offload(
        [&] { return split_by(selected, kept->uids, numbers); });
  }
  bool is_known = kept && split.others.size() <= messages_put_in_max;
  const Numbers others = split.others;
  Sorter sorter(selected, criteria, is_known ? others : numbers, std::move(scores));
  store::LockWait wait(context.loop(), context.store().lock_timeout());
  for (bool more = !is_known || !others.empty(); more;) {
    auto lane = context.heavy_lane();
    more = co_await lane.offload([&] { return sorter.run(messages_at_once, octets_at_once); });
    co_await context.look_for_client();
    co_await context.give_sign_of_life("Sorting.");
    auto waiting = wait_if_locked(context, wait, sorter.held_up_by());
    CO_TRY_DO(co_await std::move(waiting));
  }
  log_failure(context, sorter.failure());
  if (is_known && others.empty()) co_return std::move(split.ordered);
  if (!is_known) {
    auto order = sorter.take();
    // The order of few does not take the place of that of many.
    bool is_kept = !name.empty() && (!kept || 2 * order.size() >= kept->uids.size());
    if (is_kept) keep_order(context, name, order);
    co_return order;
  }
  std::optional<Numbers> order;
  while (!order) {
    order = co_await context.heavy_lane().offload([&] { return sorter.put_into(split.ordered); });
    auto waiting = wait_if_locked(context, wait, sorter.held_up_by());
    CO_TRY_DO(co_await std::move(waiting));
  }
  // Where fewer are asked for than are kept, the others were not compared with what is new.
  if (split.is_all) keep_order(context, name, *order);
  co_return *std::move(order);
}

Task<Result<std::string>> thread_messages(SessionContext& context,
                                          ThreadRequest::Algorithm algorithm, Numbers numbers,
                                          bool are_uids) {
  auto& selected = *context.selected();
  auto name = "THREAD " + std::to_string(static_cast<int>(algorithm));
  auto uids = selected.uids(numbers);
  auto kept = context.account().orders.find(selected.mailbox(), name);
  if (!kept || kept->uids != uids) {
    ThreadCollector collector(selected, algorithm, std::move(numbers));
    store::LockWait wait(context.loop(), context.store().lock_timeout());
    for (bool more = true; more;) {
      auto lane = context.heavy_lane();
      more = co_await lane.offload([&] { return collector.run(messages_at_once, octets_at_once); });
      co_await context.look_for_client();
      co_await context.give_sign_of_life("Threading.");
      auto waiting = wait_if_locked(context, wait, collector.held_up_by());
      CO_TRY_DO(co_await std::move(waiting));
    }
    log_failure(context, collector.failure());
    auto made = std::make_shared<KeptOrders::Kept>();
    made->threads = co_await context.heavy_lane().offload([&] { return collector.finish(); });
    made->uids = std::move(uids);
    if (collector.is_whole()) context.account().orders.keep(selected.mailbox(), name, made);
    kept = std::move(made);
  }
  if (are_uids) co_return kept->threads;
  co_return co_await context.heavy_lane().offload(
      [&] { return numbered(selected, kept->threads); });
}

}  // namespace pennypost::imap
