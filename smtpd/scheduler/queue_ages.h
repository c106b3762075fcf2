// Counts the messages of the queue by their age, for the figures.
//
// A message's age is told by its id. Messages are counted by the minute in which they came, so that
// neither a new message nor a look at the ages of a million costs much.
//
// SEE ALSO  ../../common/metrics/metrics.def (queue_messages)
#pragma once

#include <cstdint>
#include <map>
#include <string_view>

namespace pennypost::smtp {

class QueueAges {
 public:
  void add(std::string_view id);
  void remove(std::string_view id);
  /// Sets the gauge; `now` in seconds since 1970.
  void show(std::int64_t now) const;

 private:
  std::map<std::int64_t, std::int64_t> by_minute_;
};

}  // namespace pennypost::smtp
