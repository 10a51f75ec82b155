//! The software switch: ports, classifier, caches, tunnels, OpenFlow tables.
